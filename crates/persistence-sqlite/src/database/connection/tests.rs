use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use tempfile::TempDir;
use tokio::time::{Instant, sleep, timeout};

use super::*;

const ENDLESS: &str =
    "WITH RECURSIVE numbers (n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM numbers)
    SELECT count(*) FROM numbers";

/// Shorter than any deadline or wait, but long enough for a busy machine.
const SOON: Duration = Duration::from_secs(4);

async fn open() -> (Arc<Database>, TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let database = Database::open(&dir.path().join("webchat.db")).await.unwrap();
    (Arc::new(database), dir)
}

fn endless(transaction: &Transaction<'_>) -> rusqlite::Result<i64> {
    transaction.query_row(ENDLESS, [], |row| row.get(0))
}

fn one(transaction: &Transaction<'_>) -> rusqlite::Result<i64> {
    transaction.query_row("SELECT 1", [], |row| row.get(0))
}

#[tokio::test]
async fn a_read_ends_at_its_deadline_and_releases_its_connection() {
    let (database, _dir) = open().await;
    let user_id = UserId::generate();

    for _ in 0..3 {
        let started = Instant::now();
        let expired = database.search_for(user_id, endless).await;
        assert!(matches!(expired, Err(StoreError::Timeout(_))), "{expired:?}");
        assert!(started.elapsed() < SEARCH_TIMEOUT + SOON);
    }

    assert_eq!(database.search_for(user_id, one).await.unwrap(), 1);
}

#[tokio::test]
async fn a_cancelled_read_releases_its_connection() {
    let (database, _dir) = open().await;
    let user_id = Some(UserId::generate());

    for _ in 0..8 {
        let read = database.read_long(user_id, endless);
        assert!(timeout(Duration::from_millis(50), read).await.is_err());
    }

    let next = timeout(SOON, database.read_long(user_id, one)).await;
    assert_eq!(next.expect("the connections are still in use").unwrap(), 1);
}

#[tokio::test]
async fn reads_of_one_user_delay_neither_other_users_nor_ordinary_reads() {
    let (database, _dir) = open().await;
    let (heavy_user, other) = (UserId::generate(), UserId::generate());
    let long_reads = async {
        let long = || database.read_long(Some(heavy_user), endless);
        tokio::join!(long(), long(), long(), long(), long()).0
    };
    let other_reads = async {
        sleep(Duration::from_millis(100)).await;
        let search = database.search_for(other, one).await;
        let ordinary = database.read_for(heavy_user, one).await;
        (search.unwrap(), ordinary.unwrap())
    };

    tokio::select! {
        ended = long_reads => panic!("{ended:?}"),
        results = timeout(SOON, other_reads) => {
            assert_eq!(results.expect("the other reads were delayed"), (1, 1));
        }
    }
}

#[tokio::test]
async fn a_write_that_waits_too_long_for_another_one_times_out() {
    let (database, _dir) = open().await;
    let (release, held) = std::sync::mpsc::channel::<()>();
    let long = database.write(move |_| {
        held.recv().ok();
        Ok(())
    });
    let waiting = async {
        sleep(Duration::from_millis(300)).await;
        tokio::time::pause();
        let (second, ()) =
            tokio::join!(database.write(|_| Ok(())), tokio::time::advance(Duration::from_secs(11)));
        tokio::time::resume();
        drop(release);
        second
    };

    let (first, second) = tokio::join!(long, waiting);

    assert!(matches!(second, Err(StoreError::Timeout(_))), "{second:?}");
    first.unwrap();
    database.write(|_| Ok(())).await.unwrap();
}

#[tokio::test]
async fn a_started_write_is_completed_even_if_its_future_is_dropped() {
    let (database, _dir) = open().await;
    let slow = database.write(|transaction| {
        std::thread::sleep(Duration::from_millis(300));
        transaction.execute("INSERT INTO readiness VALUES (1, 7)", [])
    });

    assert!(timeout(Duration::from_millis(100), slow).await.is_err());

    // The next write waits for the slow one.
    database.write(|_| Ok(())).await.unwrap();
    let written = database.read(|transaction| {
        transaction.query_row("SELECT checks FROM readiness", [], |row| row.get::<_, i64>(0))
    });
    assert_eq!(written.await.unwrap(), 7);
}

#[tokio::test]
async fn waiting_writes_run_while_their_callers_are_not_scheduled() {
    let (database, dir) = open().await;
    database.write(create_numbers).await.unwrap();
    let mut writes = tokio::task::JoinSet::new();
    for number in 0..20 {
        let database = Arc::clone(&database);
        writes.spawn(async move {
            database.write(move |transaction| insert(transaction, number)).await.unwrap();
        });
    }
    tokio::task::yield_now().await;

    // From here on, this thread is blocked, and no task of its runtime runs.
    let connection = rusqlite::Connection::open(dir.path().join("webchat.db")).unwrap();
    let started = std::time::Instant::now();
    while count(&connection) < 20 && started.elapsed() < SOON {
        std::thread::sleep(Duration::from_millis(10));
    }

    assert_eq!(count(&connection), 20);
    writes.join_all().await;
}

#[tokio::test]
async fn other_writes_overtake_bulk_writes_only_up_to_a_limit() {
    let (database, dir) = open().await;
    database.write(create_numbers).await.unwrap();
    let (release, held) = std::sync::mpsc::channel::<()>();
    let (start, started) = tokio::sync::oneshot::channel();
    let first = database.write(move |_| {
        start.send(()).ok();
        held.recv().ok();
        Ok(())
    });
    let bulk = [100, 101].map(|n| database.write_bulk(move |transaction| insert(transaction, n)));
    let others = (0..20).map(|n| database.write(move |transaction| insert(transaction, n)));
    let queued = async {
        started.await.ok();
        let release = async { drop(release) };
        tokio::join!(biased; join_all(bulk), join_all(others), release)
    };

    let (first, (bulk, others, ())) = tokio::join!(first, queued);

    first.unwrap();
    assert!(bulk.iter().chain(&others).all(Result::is_ok));
    let connection = rusqlite::Connection::open(dir.path().join("webchat.db")).unwrap();
    let mut order = connection.prepare("SELECT number FROM numbers ORDER BY rowid").unwrap();
    let order = order.query_map([], |row| row.get(0)).unwrap().collect::<Result<Vec<i64>, _>>();
    let expected: Vec<i64> = (0..16).chain([100]).chain(16..20).chain([101]).collect();
    assert_eq!(order.unwrap(), expected);
}

#[tokio::test]
async fn a_panic_rolls_back_only_its_own_write() {
    let (database, dir) = open().await;
    database.write(create_numbers).await.unwrap();
    database.write(|transaction| insert(transaction, 1)).await.unwrap();

    let panicked = database.write(|transaction| -> rusqlite::Result<()> {
        insert(transaction, 2)?;
        panic!("in a write");
    });
    let panicked = panicked.await;
    database.write(|transaction| insert(transaction, 3)).await.unwrap();

    assert!(matches!(panicked, Err(StoreError::Fault(_))), "{panicked:?}");
    let connection = rusqlite::Connection::open(dir.path().join("webchat.db")).unwrap();
    assert_eq!(count(&connection), 2);
}

#[tokio::test]
async fn waiting_writes_are_committed_together() {
    let (database, dir) = open().await;
    let commits = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&commits);
    let count_commit = move || {
        counted.fetch_add(1, Ordering::Relaxed);
        false
    };
    let create = |transaction: &Transaction<'_>| {
        create_numbers(transaction)?;
        transaction.commit_hook(Some(count_commit))
    };
    database.write(create).await.unwrap();
    let (release, held) = std::sync::mpsc::channel::<()>();
    let first = database.write(move |transaction| {
        held.recv().ok();
        insert(transaction, 0)
    });
    let others = (1..20).map(|n| database.write(move |transaction| insert(transaction, n)));
    let release = async { drop(release) };

    let (first, others, ()) = tokio::join!(biased; first, join_all(others), release);

    assert!(first.is_ok() && others.iter().all(Result::is_ok));
    let connection = rusqlite::Connection::open(dir.path().join("webchat.db")).unwrap();
    assert_eq!(count(&connection), 20);
    let commits = commits.load(Ordering::Relaxed);
    assert!(commits <= 10, "{commits} commits for 20 changes");
}

#[tokio::test]
async fn a_delayed_write_is_completed_without_others() {
    let (database, _dir) = open().await;
    database.write(create_numbers).await.unwrap();

    let delayed = database.write_delayed(|transaction| insert(transaction, 1));

    assert_eq!(timeout(SOON, delayed).await.expect("the write was not started").unwrap(), 1);
}

fn create_numbers(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    transaction.execute_batch("CREATE TABLE numbers (number INTEGER)")
}

fn insert(transaction: &Transaction<'_>, number: i64) -> rusqlite::Result<usize> {
    transaction.execute("INSERT INTO numbers VALUES (?1)", [number])
}

fn count(connection: &rusqlite::Connection) -> i64 {
    connection.query_row("SELECT count(*) FROM numbers", [], |row| row.get(0)).unwrap()
}
