//! Tests of a migration while other programs use the database.

use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use mongodb::IndexModel;
use mongodb::bson::{DateTime, Document, doc};
use mongodb::options::IndexOptions;
use tokio::runtime::Handle;
use tokio::task::{JoinSet, block_in_place};
use tokio::time::timeout;
use webchat_domain::{ConversationId, MessageId, UserId};
use webchat_persistence::Conversations;
use webchat_persistence_mongo::{
    FlaskMigration, MigrationError, MigrationProgress, SkipReason, Skipped,
};

use super::legacy_database::{
    BACKUP, CONVERSATIONS, LegacyDatabase, MESSAGES, legacy_document, object_id, raw,
};

const USER: &str = "11111111-1111-4111-8111-111111111111";

fn id(number: u32) -> String {
    format!("c0000000-0000-4000-8000-{number:012}")
}

fn document(number: u32) -> Document {
    let question = format!("Question {number}");
    legacy_document(
        object_id(number),
        &id(number),
        USER,
        &[("user", &question), ("assistant", "Answer")],
    )
}

async fn database_with(documents: impl IntoIterator<Item = Document>) -> LegacyDatabase {
    let database = LegacyDatabase::new().await;
    database.insert(&documents.into_iter().collect::<Vec<_>>()).await;
    database.prepare().await;
    database
}

fn skipped(number: u32, reason: SkipReason) -> Vec<Skipped> {
    vec![Skipped { document: format!("ObjectId(\"{}\")", object_id(number)), reason }]
}

/// Asserts that a skipped document is unchanged, and that nothing else of it is in the database.
async fn assert_unchanged(database: &LegacyDatabase, original: &Document) {
    let present = database.find(CONVERSATIONS, original.get("_id").unwrap()).await;
    assert_eq!(present, Some(raw(original)));
    let messages = database.collection::<Document>(MESSAGES);
    let id = original.get("conversation_id").unwrap();
    let written = messages.count_documents(doc! { "conversation_id": id }).await.unwrap();
    assert_eq!(written, 0);
    assert_eq!(database.find(BACKUP, original.get("_id").unwrap()).await, None);
}

async fn message_count(database: &LegacyDatabase, number: u32) -> usize {
    let store = database.test.store().await;
    let user_id: UserId = USER.parse().unwrap();
    let id: ConversationId = id(number).parse().unwrap();
    store.messages(user_id, id, None, 1_000).await.unwrap().unwrap().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_two_concurrent_migrations_does_the_work_while_the_other_one_waits() {
    let database = database_with((0..600).map(document)).await;
    let migrations = [database.migration().await, database.migration().await];
    let mut runs = JoinSet::new();
    for migration in migrations {
        runs.spawn(async move {
            let mut has_waited = false;
            let progress = |progress| has_waited |= progress == MigrationProgress::Waiting;
            (migration.run(progress).await.unwrap().conversations, has_waited)
        });
    }

    let mut done = runs.join_all().await;

    done.sort_unstable();
    assert_eq!(done, [(0, true), (600, false)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stalled_migration_stops_writing_after_another_took_over() {
    let database = database_with((0..600).map(document)).await;
    let meta = database.collection::<Document>("meta");
    let another = doc! { "$set": { "holder": "another" } };
    let take_over = || {
        let update = meta.update_one(doc! { "_id": "flask_migration" }, another.clone());
        block_in_place(|| Handle::current().block_on(update.into_future())).unwrap();
    };

    let stopped = database.migration().await.run(|_| take_over()).await;

    assert!(matches!(stopped, Err(MigrationError::TakenOver)), "{stopped:?}");
    let old = doc! { "schema": { "$exists": false } };
    let conversations = database.collection::<Document>(CONVERSATIONS);
    assert_eq!(conversations.count_documents(old).await.unwrap(), 350);
    assert_eq!(
        database.collection::<Document>(BACKUP).estimated_document_count().await.unwrap(),
        250
    );
    let lock = meta.find_one(doc! { "_id": "flask_migration" }).await.unwrap().unwrap();
    assert_eq!(lock.get_str("holder").unwrap(), "another");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_that_counts_tokens_for_longer_than_its_lease_keeps_the_lock() {
    let database = database_with([document(0)]).await;
    let (started, wait_for_start) = mpsc::channel();
    let slow = move |_: &str| {
        started.send(()).unwrap();
        thread::sleep(Duration::from_millis(750));
        1
    };
    let lease = Duration::from_millis(300);
    let connected = database.test.connect().await;
    let first = FlaskMigration::new(&connected, Arc::new(slow)).with_lease(lease);
    let second = database.migration().await;
    let mut runs = JoinSet::new();
    runs.spawn(async move { first.run(|_| ()).await.unwrap().conversations });
    block_in_place(|| wait_for_start.recv()).unwrap();

    assert_eq!(second.run(|_| ()).await.unwrap().conversations, 0);

    assert_eq!(runs.join_all().await, [1]);
}

#[tokio::test]
async fn an_open_transaction_of_a_dead_migration_does_not_block_the_next_one() {
    let database = database_with([document(0)]).await;
    let meta = database.collection::<Document>("meta");
    let mut session = database.raw.client().start_session().await.unwrap();
    let lock = doc! {
        "_id": "flask_migration",
        "holder": "dead",
        "session": session.id(),
        "until": DateTime::from_millis(DateTime::now().timestamp_millis() + 1_000),
    };
    meta.insert_one(lock).await.unwrap();
    session.start_transaction().await.unwrap();
    let renewal = doc! { "$set": { "until": DateTime::MAX } };
    let lock = doc! { "holder": "dead" };
    meta.update_one(lock, renewal).session(&mut session).await.unwrap();

    let migration = database.migration().await;
    // MongoDB itself would abort the transaction after a minute.
    let report = timeout(Duration::from_secs(30), migration.run(|_| ())).await.unwrap();

    assert_eq!(report.unwrap().conversations, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_another_program_writes_during_the_migration_is_kept() {
    let database = database_with([document(0), document(1)]).await;
    let messages = database.collection::<Document>(MESSAGES);
    let runtime = Handle::current();
    let other = doc! {
        "message_id": MessageId::generate().to_string(),
        "conversation_id": id(0),
        "user_id": USER,
        "position": 2_i64,
        "role": "user",
        "content": "From another program",
        "token_count": 2_i64,
        "status": "complete",
        "created_at": DateTime::from_millis(0),
        "active": true,
    };
    let inserted = other.clone();
    let insert_during_migration = move |text: &str| {
        if text == "Question 0" {
            runtime.block_on(messages.insert_one(&inserted).into_future()).unwrap();
        }
        1
    };
    let connected = database.test.connect().await;

    let migration = FlaskMigration::new(&connected, Arc::new(insert_during_migration));
    let report = migration.run(|_| ()).await.unwrap();

    assert_eq!(report.first_skipped, skipped(0, SkipReason::Rejected(11_000)));
    assert_eq!(report.conversations, 1);
    let messages = database.collection::<Document>(MESSAGES);
    let found = messages.find_one(doc! { "conversation_id": id(0) }).await.unwrap().unwrap();
    assert_eq!(found.get_str("content").unwrap(), "From another program");
}

#[tokio::test]
async fn an_older_document_that_appears_later_does_not_replace_a_migrated_conversation() {
    let database = database_with([document(1)]).await;
    let migration = database.migration().await;
    migration.run(|_| ()).await.unwrap();
    let other = legacy_document(object_id(0), &id(1), "somebody else", &[("user", "Other words")]);
    database.insert([&other]).await;

    let report = migration.run(|_| ()).await.unwrap();

    let migrated = format!("ObjectId(\"{}\")", object_id(1));
    let reason = SkipReason::DuplicateConversationId(migrated);
    assert_eq!(report.first_skipped, skipped(0, reason));
    assert_eq!(message_count(&database, 1).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_changes_during_the_migration_is_skipped_and_migrated_by_the_next_run() {
    let database = database_with((0..3).map(document)).await;
    let mut written = document(1);
    let history = written.get_array_mut("conversation_history").unwrap();
    history.push(doc! { "role": "user", "content": "One more" }.into());
    let conversations = database.collection::<Document>(CONVERSATIONS);
    let runtime = Handle::current();
    let replacement = written.clone();
    // Tokens are counted after the documents are read.
    let write_during_migration = move |text: &str| {
        if text == "Question 1" {
            let write = conversations.replace_one(doc! { "_id": object_id(1) }, &replacement);
            runtime.block_on(write.into_future()).unwrap();
        }
        1
    };
    let connected = database.test.connect().await;

    let report =
        FlaskMigration::new(&connected, Arc::new(write_during_migration)).run(|_| ()).await;

    assert_eq!(report.unwrap().first_skipped, skipped(1, SkipReason::ChangedDuringMigration));
    assert_unchanged(&database, &written).await;
    let report = database.migration().await.run(|_| ()).await.unwrap();
    assert_eq!((report.conversations, report.messages, report.skipped), (1, 3, 0));
    assert_eq!(message_count(&database, 1).await, 3);
    assert_eq!(database.find(BACKUP, &object_id(1).into()).await, Some(raw(&written)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_whose_written_messages_differ_stays_invisible() {
    let misplaced = legacy_document(object_id(1), &id(1), USER, &[("user", "Last")]);
    let many = vec![("user", "one of many"); 3_000];
    let last = legacy_document(object_id(2), &id(2), USER, &many);
    let database = database_with([document(0), misplaced.clone(), last]).await;
    let messages = database.collection::<Document>(MESSAGES);
    let mut corruption = JoinSet::new();
    corruption.spawn(async move {
        loop {
            for (content, corrupted) in [
                ("Answer", doc! { "$set": { "content": "Corrupted" } }),
                ("Last", doc! { "$set": { "position": 2_i64 } }),
            ] {
                messages.update_one(doc! { "content": content }, corrupted).await.unwrap();
            }
        }
    });

    let report = database.migration().await.run(|_| ()).await.unwrap();

    corruption.shutdown().await;
    let expected =
        [skipped(0, SkipReason::VerificationFailed), skipped(1, SkipReason::VerificationFailed)];
    assert_eq!(report.first_skipped, expected.concat());
    assert_unchanged(&database, &document(0)).await;
    let present = database.find(CONVERSATIONS, &object_id(1).into()).await;
    assert_eq!(present, Some(raw(&misplaced)));
    assert_eq!((report.conversations, report.messages), (1, 3_000));
}

#[tokio::test]
async fn a_document_that_the_database_rejects_does_not_affect_the_others() {
    let twin = legacy_document(object_id(2), &id(2), USER, &[("user", "Question 1")]);
    let database = database_with([document(0), document(1), twin.clone(), document(3)]).await;
    let unique = IndexOptions::builder().unique(true).sparse(true).build();
    let unique_titles = IndexModel::builder().keys(doc! { "title": 1 }).options(unique).build();
    database.collection::<Document>(CONVERSATIONS).create_index(unique_titles).await.unwrap();

    let report = database.migration().await.run(|_| ()).await.unwrap();

    assert_eq!(report.first_skipped, skipped(2, SkipReason::Rejected(11_000)));
    assert_unchanged(&database, &twin).await;
    assert_eq!((report.conversations, report.messages), (3, 6));
    assert_eq!(message_count(&database, 3).await, 2);
}

#[tokio::test]
async fn a_restored_backup_can_be_migrated_again_with_its_newer_history() {
    let mut without_time = document(1);
    without_time.remove("updated_at");
    let database = database_with([document(0), without_time.clone()]).await;
    let migration = database.migration().await;
    migration.run(|_| ()).await.unwrap();
    let conversations = database.collection::<Document>(CONVERSATIONS);

    database.restore_backup().await;

    assert_eq!(database.find(CONVERSATIONS, &object_id(1).into()).await, Some(raw(&without_time)));
    let newer = legacy_document(object_id(0), &id(0), USER, &[("user", "Something else")]);
    conversations.replace_one(doc! { "_id": object_id(0) }, &newer).await.unwrap();
    let report = migration.run(|_| ()).await.unwrap();
    assert_eq!((report.conversations, report.messages, report.skipped), (2, 3, 0));
    assert_eq!(message_count(&database, 0).await, 1);
    assert_eq!(message_count(&database, 1).await, 2);
}

#[tokio::test]
async fn messages_of_a_deleted_conversation_are_removed_before_its_id_is_reused() {
    let somebody_else = "22222222-2222-4222-8222-222222222222";
    let mut later = document(1);
    later.insert("conversation_id", id(0));
    later.insert("user_id", somebody_else);
    let database = database_with([document(0), later]).await;
    let migration = database.migration().await;
    let report = migration.run(|_| ()).await.unwrap();
    assert_eq!(report.skipped, 1);
    // The state after a crash between the deletions of a conversation and of its messages up to position 2.
    let conversations = database.collection::<Document>(CONVERSATIONS);
    conversations.delete_one(doc! { "_id": object_id(0) }).await.unwrap();
    let removal = doc! { "conversation_id": id(0), "user_id": USER, "through": 2_i64 };
    database.collection("removals").insert_one(removal).await.unwrap();

    let report = migration.run(|_| ()).await.unwrap();

    assert_eq!((report.conversations, report.skipped), (1, 0));
    let store = database.test.store().await;
    // The store completes pending deletions as soon as it is opened.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let (user_id, id) = (somebody_else.parse().unwrap(), id(0).parse().unwrap());
    let messages = store.messages(user_id, id, None, 10).await.unwrap().unwrap();
    assert_eq!(messages[0].content, "Question 1");
}
