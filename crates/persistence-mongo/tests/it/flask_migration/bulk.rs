//! Tests of migrating many conversations in a separate process, which some tests kill repeatedly.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;
use std::{env, fs, thread};

use futures_util::TryStreamExt;
use mongodb::bson::{Document, RawDocumentBuf, doc};
use uuid::Uuid;
use webchat_domain::SearchQuery;
use webchat_persistence::{ArchiveFilter, Conversations, ListOrder};
use webchat_persistence_mongo::{FlaskMigration, MongoDatabase};

use super::legacy_database::{
    BACKUP, CONVERSATIONS, LegacyDatabase, MESSAGES, NAMESPACE, count_tokens, legacy_document,
    object_id, raw,
};

const MAX_LENGTH: usize = 10_000;

/// Short, so that the tests need not wait for the lease of a killed process.
const LEASE: Duration = Duration::from_millis(300);

/// Creates the document with this number. Returns whether it can be migrated.
fn generated(number: u32) -> (Document, bool) {
    let id = Uuid::from_u128(u128::from(number) << 64).to_string();
    let user = format!("user {}", number / 3);
    let texts: Vec<String> = (0..length(number)).map(|n| format!("tide {n} of {number}")).collect();
    let roles = ["user", "assistant"].into_iter().cycle();
    let mut history: Vec<_> = roles.zip(texts.iter().map(String::as_str)).collect();
    match number % 100 {
        10 => history.insert(0, ("system", "They spoke of tides.")),
        20 => history.extend([("tool", "12:25"), ("bot", "At noon."), ("human", "Thanks")]),
        30 => history.push(("moderator", "Calm down")),
        _ => {}
    }
    let mut document = legacy_document(object_id(number), &id, &user, &history);
    match number % 100 {
        40 => drop(document.remove("updated_at")),
        50 => drop(document.insert("conversation_history", "broken")),
        60 => drop(document.remove("conversation_id")),
        70 => drop(document.insert("conversation_id", format!("conversation {number}"))),
        _ => {}
    }
    (document, number % 100 != 50)
}

fn length(number: u32) -> usize {
    match number {
        777 => MAX_LENGTH,
        _ if number.is_multiple_of(100) => 0,
        _ => 2,
    }
}

async fn legacy_database_of(documents: u32) -> LegacyDatabase {
    let database = LegacyDatabase::new().await;
    let numbers: Vec<u32> = (0..documents).collect();
    for numbers in numbers.chunks(5_000) {
        let documents: Vec<Document> = numbers.iter().map(|&number| generated(number).0).collect();
        database.insert(&documents).await;
    }
    database.prepare().await;
    database
}

/// The number of documents that are migrated, pending and skipped.
#[derive(Debug, PartialEq, Eq)]
struct Found {
    migrated: u64,
    pending: u64,
    skipped: u64,
}

/// Compares all documents with the originals. Panics if one is neither unchanged nor migrated
/// completely.
async fn compare(database: &LegacyDatabase, numbers: impl Iterator<Item = u32>) -> Found {
    let mut messages = messages_by_conversation(database).await;
    let present = documents_by_id(database, CONVERSATIONS).await;
    let backup = documents_by_id(database, BACKUP).await;
    let mut found = Found { migrated: 0, pending: 0, skipped: 0 };
    for number in numbers {
        let (original, is_convertible) = generated(number);
        let id = object_id(number).to_hex();
        let present = present.get(&id).unwrap();
        let is_unchanged = *present == raw(&original);
        if !is_convertible {
            assert!(is_unchanged && !backup.contains_key(&id), "{number}");
            found.skipped += 1;
        } else if is_unchanged {
            found.pending += 1;
        } else {
            assert_eq!(backup.get(&id), Some(&raw(&original)), "{number}");
            let present = Document::try_from(present).unwrap();
            let id = present.get_str("conversation_id").unwrap();
            let messages = messages.remove(id).unwrap_or_default();
            assert_migrated(&original, &present, &messages);
            found.migrated += 1;
        }
    }
    if found.pending == 0 {
        assert!(
            messages.is_empty(),
            "{} conversations have messages but no document",
            messages.len()
        );
    }
    found
}

fn assert_migrated(original: &Document, present: &Document, messages: &[Document]) {
    let history = original.get_array("conversation_history").unwrap();
    let role = |entry: &Document| entry.get_str("role").unwrap().to_owned();
    let history = history.iter().map(|entry| entry.as_document().unwrap());
    let history: Vec<_> = history.filter(|entry| role(entry) != "moderator").collect();
    let (summary, history) = match history.split_first() {
        Some((first, rest)) if role(first) == "system" => (Some(first), rest),
        _ => (None, history.as_slice()),
    };
    let number = i64::try_from(history.len()).unwrap();
    assert_eq!(present.get_i64("message_count").unwrap(), number, "{original}");
    assert_eq!(present.get_i64("last_position").unwrap(), number, "{original}");
    assert_eq!(messages.len(), history.len(), "{original}");
    for ((message, old), position) in messages.iter().zip(history).zip(1..) {
        let expected_role = match role(old).as_str() {
            "user" | "human" => "user",
            _ => "assistant",
        };
        assert_eq!(message.get_i64("position").unwrap(), position, "{original}");
        assert_eq!(message.get_str("role").unwrap(), expected_role, "{original}");
        assert_eq!(message.get("content"), old.get("content"), "{original}");
        assert_eq!(message.get("user_id"), present.get("user_id"), "{original}");
    }
    let context = present.get_document("context").unwrap();
    let text = context.get_document("summary").ok().map(|summary| summary.get_str("text").unwrap());
    assert_eq!(text, summary.map(|entry| entry.get_str("content").unwrap()), "{original}");
    assert!(!present.contains_key("conversation_history"), "{original}");
    let updated_at = original.get("updated_at").or(original.get("created_at"));
    assert_eq!(present.get("updated_at"), updated_at, "{original}");
}

async fn documents_by_id(database: &LegacyDatabase, name: &str) -> HashMap<String, RawDocumentBuf> {
    let collection = database.collection::<RawDocumentBuf>(name);
    let cursor = collection.find(doc! {}).await.unwrap();
    let with_ids =
        cursor.map_ok(|document| (document.get_object_id("_id").unwrap().to_hex(), document));
    with_ids.try_collect().await.unwrap()
}

/// Returns all messages by conversation, in the order of their positions.
async fn messages_by_conversation(database: &LegacyDatabase) -> HashMap<String, Vec<Document>> {
    let collection = database.collection::<Document>(MESSAGES);
    let in_order = doc! { "conversation_id": 1, "position": 1 };
    let mut cursor = collection.find(doc! {}).sort(in_order).await.unwrap();
    let mut messages: HashMap<String, Vec<Document>> = HashMap::new();
    while let Some(message) = cursor.try_next().await.unwrap() {
        let id = message.get_str("conversation_id").unwrap().to_owned();
        messages.entry(id).or_default().push(message);
    }
    messages
}

/// Starts the migration process: this program, which runs only the ignored test below.
fn start_migration_process(database: &LegacyDatabase) -> Child {
    Command::new(env::current_exe().unwrap())
        .args(["--exact", "flask_migration::bulk::migration_process", "--ignored", "--nocapture"])
        .env("MIGRATE_URI", &database.test.uri)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Kills the process when a delay has passed after it has reported progress this many times. Returns `false` if the
/// process ended before.
fn kill_after(mut process: Child, reports: usize, delay: Duration) -> bool {
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines().map_while(Result::ok);
    let progress = lines.by_ref().filter(|line| line.contains("Migrated")).take(reports);
    progress.for_each(drop);
    thread::sleep(delay);
    process.kill().unwrap();
    !process.wait().unwrap().success()
}

/// Returns the peak memory of this process, in kilobytes.
fn peak_memory() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    peak.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Migrates everything in a separate process. Returns its peak memory, in kilobytes.
fn migrate_in_a_process(database: &LegacyDatabase) -> u64 {
    let output = start_migration_process(database).wait_with_output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{printed}");
    printed.lines().find_map(|line| line.strip_prefix("peak memory: ")).unwrap().parse().unwrap()
}

#[tokio::test]
#[ignore = "the other tests start this as a separate process"]
#[expect(clippy::disallowed_methods, reason = "the environment contains the URI of the database")]
async fn migration_process() {
    let database = MongoDatabase::connect(&env::var("MIGRATE_URI").unwrap()).await.unwrap();
    let migration = FlaskMigration::new(&database, Arc::new(count_tokens)).with_lease(LEASE);
    migration.run(|progress| println!("{progress:?}")).await.unwrap();
    println!("peak memory: {}", peak_memory());
}

#[tokio::test]
async fn migrating_twenty_thousand_conversations_takes_the_memory_of_one_batch() {
    let documents = 20_000;
    let database = legacy_database_of(documents).await;

    let peak_memory = migrate_in_a_process(&database);

    let expected = Found { migrated: 19_800, pending: 0, skipped: 200 };
    assert_eq!(compare(&database, 0..documents).await, expected);
    assert!(peak_memory < 100_000, "{peak_memory} kB");
}

#[tokio::test]
async fn a_migration_that_is_killed_repeatedly_loses_and_duplicates_nothing() {
    let documents = 3_000;
    let database = legacy_database_of(documents).await;
    let mut kills = 0;
    let mut migrated = 0;

    for _ in 0..8 {
        let random = Uuid::new_v4().as_u128();
        let delay = Duration::from_millis(u64::try_from(random % 200).unwrap());
        let reports = usize::try_from(random / 200 % 3).unwrap();
        kills += u32::from(kill_after(start_migration_process(&database), reports, delay));
        let found = compare(&database, 0..documents).await;
        assert!(found.migrated >= migrated, "{found:?}");
        migrated = found.migrated;
    }
    migrate_in_a_process(&database);

    let expected = Found { migrated: 2_970, pending: 0, skipped: 30 };
    assert_eq!(compare(&database, 0..documents).await, expected);
    assert!(kills >= 3, "killed only {kills} times");
}

#[tokio::test]
async fn a_conversation_partly_written_before_a_kill_is_invisible_and_later_written_once() {
    let longest = 777;
    let database = LegacyDatabase::new().await;
    database.insert([&generated(longest).0]).await;
    database.prepare().await;
    let messages = database.collection::<Document>(MESSAGES);
    let written = async || messages.count_documents(doc! {}).await.unwrap();

    let mut process = start_migration_process(&database);
    while written().await == 0 {
        assert!(process.try_wait().unwrap().is_none(), "the process ended before it was killed");
    }
    process.kill().unwrap();
    process.wait().unwrap();

    assert!(written().await < MAX_LENGTH.try_into().unwrap());
    let store = database.test.store().await;
    let user_id = Uuid::new_v5(&NAMESPACE, b"user:user 259").to_string().parse().unwrap();
    let hits = store.search(user_id, &SearchQuery::parse("tide"), 10).await.unwrap();
    assert_eq!(hits, [], "a part of the conversation is visible");
    assert_eq!(
        store.list(user_id, ArchiveFilter::All, ListOrder::Created, None, 10).await.unwrap().items,
        []
    );
    let found = Found { migrated: 0, pending: 1, skipped: 0 };
    assert_eq!(compare(&database, longest..=longest).await, found);

    migrate_in_a_process(&database);

    let found = Found { migrated: 1, pending: 0, skipped: 0 };
    assert_eq!(compare(&database, longest..=longest).await, found);
    assert_eq!(
        store
            .list(user_id, ArchiveFilter::All, ListOrder::Created, None, 10)
            .await
            .unwrap()
            .items
            .len(),
        1
    );
}

#[tokio::test]
async fn migrating_the_largest_documents_takes_the_memory_of_one_document() {
    let database = LegacyDatabase::new().await;
    let text = "The moon pulls. ".repeat(1024 * 1024 / 16);
    let history = [("user", text.as_str()), ("assistant", text.as_str())].repeat(4);
    // The messages are 8 MB, and again in `conversation_text`: nearly the maximum size of a document.
    let bytes: usize = history.iter().map(|(_, content)| content.len()).sum();
    for number in 0..4 {
        let id = Uuid::from_u128(number.into()).to_string();
        let mut document = legacy_document(object_id(number), &id, "user", &history);
        document.insert("conversation_text", "x".repeat(16 * 1024 * 1024 - bytes - 2_000));
        database.insert([&document]).await;
    }
    database.prepare().await;

    let peak_memory = migrate_in_a_process(&database);

    let conversations = database.collection::<Document>(CONVERSATIONS);
    let migrated = doc! { "schema": 1_i64, "message_count": 8_i64 };
    assert_eq!(conversations.count_documents(migrated).await.unwrap(), 4);
    assert!(peak_memory < 200_000, "{peak_memory} kB");
}
