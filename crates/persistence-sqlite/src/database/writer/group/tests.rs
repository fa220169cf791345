use std::sync::Arc;

use tempfile::TempDir;
use tokio::sync::Semaphore;
use tokio::sync::oneshot::{self, Receiver};
use webchat_persistence::StoreError;

use super::*;
use crate::database::connect::{open_reader, open_writer};
use crate::database::metrics::waiting_write;
use crate::database::writer::change::{Change, Queued, StartClaim};

type Reply = Receiver<Result<usize, StoreError>>;

/// A file with a table of different numbers, and its writer.
fn open() -> (TempDir, Connection) {
    let dir = tempfile::tempdir().unwrap();
    let writer = open_writer(&dir.path().join("webchat.db")).unwrap();
    writer.execute_batch("CREATE TABLE numbers (number INTEGER UNIQUE)").unwrap();
    (dir, writer)
}

fn change(
    work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<usize> + Send + 'static,
) -> (Box<dyn QueuedChange>, Reply) {
    let permit = Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap();
    let queued = Queued { _permit: permit, _waiting: waiting_write() };
    let (reply, result) = oneshot::channel();
    (Box::new(Change::new(work, reply, StartClaim::default(), queued)), result)
}

fn insertion(number: i64) -> (Box<dyn QueuedChange>, Reply) {
    change(move |transaction| insert(transaction, number))
}

fn insert(transaction: &Transaction<'_>, number: i64) -> rusqlite::Result<usize> {
    transaction.execute("INSERT INTO numbers VALUES (?1)", [number])
}

/// Runs these changes in one transaction. Returns the result that each caller gets.
fn run(
    writer: &mut Connection,
    changes: impl IntoIterator<Item = (Box<dyn QueuedChange>, Reply)>,
) -> Vec<Option<Result<usize, StoreError>>> {
    let (changes, replies): (Vec<_>, Vec<_>) = changes.into_iter().unzip();
    let mut changes = changes.into_iter();
    run_group(writer, changes.next().unwrap(), || changes.next());
    replies.into_iter().map(|mut reply| reply.try_recv().ok()).collect()
}

fn numbers(connection: &Connection) -> Vec<i64> {
    let mut numbers = connection.prepare("SELECT number FROM numbers ORDER BY number").unwrap();
    numbers.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
}

#[test]
fn a_change_is_neither_visible_nor_confirmed_before_the_commit() {
    let (dir, mut writer) = open();
    let reader = open_reader(&dir.path().join("webchat.db")).unwrap();
    let ((first, mut first_reply), (second, second_reply)) = (insertion(1), insertion(2));
    let mut second = Some(second);
    let mut before_commit = Vec::new();

    run_group(&mut writer, first, || {
        before_commit.push((first_reply.try_recv().is_ok(), numbers(&reader)));
        second.take()
    });

    assert_eq!(before_commit, [(false, Vec::new()), (false, Vec::new())]);
    for mut reply in [first_reply, second_reply] {
        assert_eq!(reply.try_recv().unwrap().unwrap(), 1);
    }
    assert_eq!(numbers(&reader), [1, 2]);
}

#[test]
fn a_failed_or_panicked_change_does_not_affect_the_others() {
    let (_dir, mut writer) = open();
    let failing = change(|transaction| {
        insert(transaction, 2)?;
        insert(transaction, 1)
    });
    let panicking = change(|transaction| {
        insert(transaction, 3)?;
        panic!("in a change");
    });

    let results = run(&mut writer, [insertion(1), failing, insertion(4), panicking, insertion(5)]);

    assert!(matches!(
        results[..],
        [Some(Ok(1)), Some(Err(StoreError::Fault(_))), Some(Ok(1)), None, Some(Ok(1))]
    ));
    assert_eq!(numbers(&writer), [1, 4, 5]);
}

#[test]
fn a_failed_first_change_is_rolled_back() {
    let (_dir, mut writer) = open();
    let failing = change(|transaction| insert(transaction, 1).and(insert(transaction, 1)));

    let results = run(&mut writer, [failing]);
    let next = run(&mut writer, [insertion(2)]);

    assert!(matches!(results[..], [Some(Err(_))]));
    assert!(matches!(next[..], [Some(Ok(1))]));
    assert_eq!(numbers(&writer), [2]);
}

#[test]
fn all_callers_get_the_error_of_a_failed_commit() {
    let (_dir, mut writer) = open();
    let deferred = "CREATE TABLE children (
        number INTEGER REFERENCES numbers (number) DEFERRABLE INITIALLY DEFERRED)";
    writer.execute_batch(deferred).unwrap();
    let orphan = change(|transaction| transaction.execute("INSERT INTO children VALUES (7)", []));

    let results = run(&mut writer, [insertion(1), orphan, insertion(2)]);
    let next = run(&mut writer, [insertion(3)]);

    assert!(matches!(results[..], [Some(Err(_)), Some(Err(_)), Some(Err(_))]));
    assert!(matches!(next[..], [Some(Ok(1))]));
    assert_eq!(numbers(&writer), [3]);
}

#[test]
fn all_callers_get_the_error_that_ended_the_transaction() {
    let (_dir, mut writer) = open();
    let ending =
        change(|transaction| transaction.execute("INSERT OR ROLLBACK INTO numbers VALUES (1)", []));
    let (later, mut later_reply) = insertion(2);
    let ignored = change(|transaction| {
        transaction.execute("INSERT OR ROLLBACK INTO numbers VALUES (1)", []).ok();
        Ok(0)
    });

    let results = run(&mut writer, [insertion(1), ending, (later, oneshot::channel().1)]);
    let results_with_ignored = run(&mut writer, [insertion(1), ignored, insertion(3)]);

    assert!(matches!(results[..], [Some(Err(_)), Some(Err(_)), None]));
    assert!(later_reply.try_recv().is_err(), "a change ran after the end of the transaction");
    assert!(matches!(results_with_ignored[..], [Some(Err(_)), Some(Err(_)), None]));
    assert_eq!(numbers(&writer), [0; 0]);
}

#[test]
fn a_change_whose_caller_has_left_does_not_run() {
    let (_dir, mut writer) = open();
    let (abandoned, reply) = insertion(1);
    drop(reply);

    let results = run(&mut writer, [(abandoned, oneshot::channel().1), insertion(2)]);

    assert!(matches!(results[..], [None, Some(Ok(1))]));
    assert_eq!(numbers(&writer), [2]);
}
