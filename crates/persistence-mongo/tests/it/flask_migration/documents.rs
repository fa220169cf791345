//! Tests of converting every kind of document that the Flask application may have written.

use std::fmt::Debug;
use std::str::FromStr;
use std::sync::Arc;

use futures_util::TryStreamExt;
use mongodb::bson::{Bson, DateTime, Document, RawDocumentBuf, doc};
use uuid::Uuid;
use webchat_domain::{
    Context, Conversation, ConversationId, Message, MessageId, NewMessage, Role, SearchQuery,
    Summary, SummaryAuthor, Timestamp, Title,
};
use webchat_persistence::{Append, AppendOutcome, Contexts, Conversations, StoredContext};
use webchat_persistence_mongo::{
    FlaskMigration, MigrationProgress, MigrationReport, MongoStore, Schema, SkipReason, Skipped,
};

use super::legacy_database::{
    BACKUP, CONVERSATIONS, CREATED_AT, LegacyDatabase, MESSAGES, NAMESPACE, OBJECT_IDS_SECONDS,
    UPDATED_AT, count_tokens, legacy_document, object_id, raw,
};
use crate::support::TestDatabase;

const USER: &str = "11111111-1111-4111-8111-111111111111";
/// A user whose documents an index returns before those of `USER`.
const OTHER_USER: &str = "01111111-1111-4111-8111-111111111111";
const TALK: [(&str, &str); 2] =
    [("user", "Why two tides a day?"), ("assistant", "The moon pulls.")];

fn conversation(number: u32) -> String {
    format!("c0000000-0000-4000-8000-{number:012}")
}

/// Creates a document with a typical history, and changes it.
fn changed(number: u32, change: impl FnOnce(&mut Document)) -> Document {
    let mut document = legacy_document(object_id(number), &conversation(number), USER, &TALK);
    change(&mut document);
    document
}

fn with(number: u32, name: &str, value: impl Into<Bson>) -> Document {
    changed(number, |document| drop(document.insert(name, value)))
}

fn without(number: u32, names: &[&str]) -> Document {
    changed(number, |document| names.iter().for_each(|name| drop(document.remove(name))))
}

fn with_entry(number: u32, entry: impl Into<Bson>) -> Document {
    let first = doc! { "role": "user", "content": "Why two tides a day?" };
    with(number, "conversation_history", vec![first.into(), entry.into()])
}

/// Returns documents that are migrated.
fn convertible() -> Vec<Document> {
    let mut plain = with_entry(1, doc! { "role": "assistant", "content": "The moon.", "n": 1 });
    plain.extend(doc! { "language": "german", "rating": 5 });
    let many_roles = [
        ("system", "They spoke of tides."),
        ("System", "Be kind."),
        ("human", "And \0 the sun?"),
        ("Bot", "It pulls too."),
        ("tool", ""),
        ("system", "A file was read: tides.txt"),
        ("user", " \u{1f319} "),
    ];
    vec![
        plain,
        legacy_document(object_id(2), &conversation(2), USER, &many_roles),
        without(3, &["updated_at"]),
        without(4, &["created_at"]),
        without(5, &["created_at", "updated_at"]),
        with(6, "conversation_history", Bson::Array(Vec::new()))
            .into_iter()
            .filter(|(name, _)| name != "conversation_text")
            .collect(),
        without(7, &["conversation_history", "conversation_text"]),
        legacy_document(object_id(8), "my talk", "alice", &TALK),
        legacy_document(
            object_id(9),
            &conversation(9).to_uppercase(),
            &USER.replace('-', ""),
            &TALK,
        ),
        with(10, "_id", "no ObjectId"),
    ]
}

/// Returns documents that are skipped, with the reasons.
fn unconvertible() -> Vec<(Document, SkipReason)> {
    let long = "x".repeat(1024 * 1024 + 1);
    vec![
        (
            with_entry(52, doc! { "role": "user", "content": &long }),
            SkipReason::ContentTooLong { index: 1, bytes: long.len() },
        ),
        (with(59, "conversation_history", "[]"), SkipReason::InvalidHistory),
        (without(60, &["conversation_history"]), SkipReason::TextWithoutHistory),
        (
            changed(63, |document| {
                document.insert("_id", "no ObjectId either");
                document.remove("created_at");
                document.remove("updated_at");
            }),
            SkipReason::NoTime,
        ),
        (
            legacy_document(object_id(64), &conversation(1), OTHER_USER, &TALK),
            SkipReason::DuplicateConversationId(format!("ObjectId(\"{}\")", object_id(1))),
        ),
        (
            legacy_document(object_id(65), &conversation(66).replace('-', ""), USER, &TALK),
            SkipReason::DuplicateConversationId(format!("ObjectId(\"{}\")", object_id(66))),
        ),
        (modified_after_migration(67), SkipReason::ModifiedAfterMigration),
        (without(68, &[]), SkipReason::HasOtherMessages),
    ]
}

fn modified_after_migration(number: u32) -> Document {
    changed(number, |document| {
        document.extend(doc! { "schema": 1_i64, "context_revision": 0_i64 });
    })
}

/// Returns a document with the `conversation_id` of document 65, but in canonical form.
fn inserted_last() -> Document {
    without(66, &[])
}

/// Returns a message in conversation 68 that no migration wrote.
fn foreign_message() -> Document {
    doc! {
        "message_id": MessageId::generate().to_string(),
        "conversation_id": conversation(68),
        "user_id": USER,
        "position": 1_i64,
        "parent_id": null,
        "role": "user",
        "content": "Written by Webchat",
        "token_count": 3_i64,
        "status": "complete",
        "created_at": DateTime::from_millis(CREATED_AT),
        "active": true,
    }
}

async fn database_with_all_kinds() -> LegacyDatabase {
    let database = LegacyDatabase::new().await;
    database.insert(&convertible()).await;
    database.insert(unconvertible().iter().map(|(document, _)| document)).await;
    database.insert([&inserted_last()]).await;
    database.prepare().await;
    database.collection(MESSAGES).insert_one(foreign_message()).await.unwrap();
    database
}

fn expected_report() -> MigrationReport {
    let skipped = unconvertible().into_iter().map(|(document, reason)| Skipped {
        document: document.get("_id").unwrap().to_string(),
        reason,
    });
    sorted(MigrationReport {
        conversations: 11,
        messages: 2 + 5 + 3 * 2 + 3 * 2 + 2,
        role_mapped_messages: 4,
        summaries: 1,
        already_current: 1,
        skipped: 8,
        first_skipped: skipped.collect(),
        dropped_index: Some("conversation_text_index".to_owned()),
        ..MigrationReport::default()
    })
}

fn sorted(mut report: MigrationReport) -> MigrationReport {
    report.first_skipped.sort_by(|a, b| a.document.cmp(&b.document));
    report
}

async fn all(database: &LegacyDatabase, collection: &str) -> Vec<RawDocumentBuf> {
    let collection = database.collection(collection);
    collection.find(doc! {}).sort(doc! { "_id": 1 }).await.unwrap().try_collect().await.unwrap()
}

#[tokio::test]
async fn a_plan_returns_the_report_of_a_run() {
    let database = database_with_all_kinds().await;
    let before = all(&database, CONVERSATIONS).await;
    let migration = database.migration().await;

    assert_eq!(migration.pending().await.unwrap(), 19);
    let planned = migration.plan().await.unwrap();
    assert!(all(&database, CONVERSATIONS).await == before, "the plan changed a document");
    let done = migration.run(|_| ()).await.unwrap();

    assert_eq!(sorted(planned), expected_report());
    assert_eq!(sorted(done), expected_report());
    assert_eq!(migration.pending().await.unwrap(), 0);
}

#[tokio::test]
async fn migrated_documents_are_backed_up_and_skipped_ones_stay_unchanged() {
    let database = database_with_all_kinds().await;

    database.migration().await.run(|_| ()).await.unwrap();

    let backup = all(&database, BACKUP).await;
    let present = all(&database, CONVERSATIONS).await;
    for document in convertible().iter().chain([&inserted_last()]) {
        assert!(backup.contains(&raw(document)), "{document}");
    }
    for (document, reason) in unconvertible() {
        assert!(present.contains(&raw(&document)), "{reason}: {document}");
    }
    assert_eq!((backup.len(), present.len()), (11, 19));
}

#[tokio::test]
async fn a_second_run_changes_nothing() {
    let database = database_with_all_kinds().await;
    let migration = database.migration().await;
    migration.run(|_| ()).await.unwrap();
    let before = (all(&database, CONVERSATIONS).await, all(&database, MESSAGES).await);

    let report =
        migration.run(|progress| assert_ne!(progress, MigrationProgress::Waiting)).await.unwrap();

    let expected = MigrationReport {
        already_current: 12,
        skipped: 8,
        first_skipped: expected_report().first_skipped,
        ..MigrationReport::default()
    };
    assert_eq!(sorted(report), expected);
    let after = (all(&database, CONVERSATIONS).await, all(&database, MESSAGES).await);
    assert!(before == after);
}

/// A migrated database, accessed through the ports.
struct Migrated {
    store: MongoStore,
    database: LegacyDatabase,
}

impl Migrated {
    async fn new() -> Self {
        let database = database_with_all_kinds().await;
        database.migration().await.run(|_| ()).await.unwrap();
        Self { store: database.test.store().await, database }
    }

    async fn conversation(&self, user_id: &str, id: &str) -> Conversation {
        self.store.find(parsed(user_id), parsed(id)).await.unwrap().unwrap()
    }

    async fn messages(&self, user_id: &str, id: &str) -> Vec<Message> {
        self.store.messages(parsed(user_id), parsed(id), None, 100).await.unwrap().unwrap()
    }
}

fn parsed<T: FromStr<Err: Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

fn derived(name: &str) -> String {
    Uuid::new_v5(&NAMESPACE, name.as_bytes()).to_string()
}

fn at(millis: i64) -> Timestamp {
    Timestamp::from_unix_millis(millis)
}

#[tokio::test]
async fn a_typical_conversation_is_converted_completely() {
    let migrated = Migrated::new().await;
    let id: ConversationId = parsed(&conversation(1));
    let message_id = |position| derived(&format!("message:{id}:{position}"));

    assert_eq!(
        migrated.conversation(USER, &conversation(1)).await,
        Conversation {
            conversation_id: id,
            title: Title::from_first_words("Why two tides a day?"),
            created_at: at(CREATED_AT),
            updated_at: at(UPDATED_AT),
            message_count: 2,
            total_tokens: 5 + 2,
            archived: false,
        }
    );
    let message = |position, role, content: &str| Message {
        message_id: parsed(&message_id(position)),
        conversation_id: id,
        position,
        parent_id: (position > 1).then(|| parsed(&message_id(position - 1))),
        role,
        content: content.to_owned(),
        token_count: count_tokens(content),
        created_at: at(CREATED_AT),
        ..Message::fixture()
    };
    assert_eq!(
        migrated.messages(USER, &conversation(1)).await,
        [message(1, Role::User, "Why two tides a day?"), message(2, Role::Assistant, "The moon."),]
    );
}

#[tokio::test]
async fn the_document_keeps_its_id_and_unknown_fields_and_loses_its_history() {
    let Migrated { database, .. } = Migrated::new().await;

    let found = database.collection::<Document>(CONVERSATIONS);
    let document = found.find_one(doc! { "_id": object_id(1) }).await.unwrap().unwrap();

    assert_eq!(document.get_i32("rating").unwrap(), 5);
    assert_eq!(document.get_i64("schema").unwrap(), 1);
    assert!(!document.contains_key("conversation_history"));
    assert!(!document.contains_key("conversation_text"));
}

#[tokio::test]
async fn leading_system_messages_become_the_summary_and_unknown_roles_are_mapped() {
    let migrated = Migrated::new().await;

    let messages = migrated.messages(USER, &conversation(2)).await;
    let messages: Vec<_> =
        messages.iter().map(|message| (message.role, message.content.as_str())).collect();
    assert_eq!(
        messages,
        [
            (Role::User, "And \0 the sun?"),
            (Role::Assistant, "It pulls too."),
            (Role::Assistant, ""),
            (Role::Assistant, "A file was read: tides.txt"),
            (Role::User, " \u{1f319} "),
        ]
    );
    let context = migrated.store.context(parsed(USER), parsed(&conversation(2))).await;
    let summary = Summary {
        text: "They spoke of tides.\n\nBe kind.".to_owned(),
        token_count: 6,
        through: 0,
        message_count: 0,
        created_at: at(UPDATED_AT),
        author: SummaryAuthor::Import,
    };
    let expected = Context { summary: Some(summary), ..Context::default() };
    assert_eq!(context.unwrap().unwrap(), StoredContext { context: expected, revision: 0 });
}

#[tokio::test]
async fn a_missing_time_is_taken_from_the_other_time_or_from_the_documents_id() {
    let migrated = Migrated::new().await;
    let inserted_at = i64::from(OBJECT_IDS_SECONDS) * 1_000;
    for (number, created_at, updated_at) in
        [(3, CREATED_AT, CREATED_AT), (4, UPDATED_AT, UPDATED_AT), (5, inserted_at, inserted_at)]
    {
        let conversation = migrated.conversation(USER, &conversation(number)).await;

        assert_eq!(conversation.created_at, at(created_at), "{number}");
        assert_eq!(conversation.updated_at, at(updated_at), "{number}");
    }
}

#[tokio::test]
async fn an_empty_or_missing_history_becomes_an_empty_conversation() {
    let migrated = Migrated::new().await;
    for number in [6, 7] {
        let found = migrated.conversation(USER, &conversation(number)).await;

        assert_eq!((found.message_count, found.title), (0, None), "{number}");
        assert_eq!(migrated.messages(USER, &conversation(number)).await, []);
    }
}

#[tokio::test]
async fn ids_that_are_not_uuids_are_derived_and_uuids_in_another_form_keep_their_value() {
    let migrated = Migrated::new().await;

    let (alice, talk) = (derived("user:alice"), derived("conversation:my talk"));
    assert_eq!(migrated.messages(&alice, &talk).await.len(), 2);
    assert_eq!(migrated.messages(USER, &conversation(9)).await.len(), 2);
    assert_eq!(migrated.messages(USER, &conversation(10)).await.len(), 2);
}

#[tokio::test]
async fn a_migrated_conversation_can_be_appended_to_and_searched() {
    let migrated = Migrated::new().await;
    let (store, user_id, id) = (&migrated.store, parsed(USER), parsed(&conversation(1)));
    let question = NewMessage::question("And the sun?".to_owned(), 3, at(UPDATED_AT));
    let append = Append { messages: vec![question], ..Append::default() };

    let appended = store.append(user_id, id, append, at(UPDATED_AT)).await.unwrap();
    let AppendOutcome::Stored { messages, .. } = appended else { panic!("{appended:?}") };
    assert_eq!(messages[0].position, 3);
    let head = derived(&format!("message:{id}:2"));
    assert_eq!(messages[0].parent_id, Some(parsed(&head)));
    let hits = store.search(user_id, &SearchQuery::parse("moon"), 100).await.unwrap();
    let mut hits: Vec<_> = hits.iter().map(|hit| hit.conversation_id.to_string()).collect();
    hits.sort();
    assert_eq!(hits, [1, 3, 4, 5, 9, 10, 66].map(conversation));
}

#[tokio::test]
async fn a_damaged_document_is_skipped() {
    let database = LegacyDatabase::new().await;
    let mut bytes = raw(&without(1, &["conversation_text"])).into_bytes();
    let moon = bytes.windows(4).position(|bytes| bytes == b"moon").unwrap();
    bytes[moon] = 0xff;
    let damaged = RawDocumentBuf::from_bytes(bytes).unwrap();
    database.collection::<RawDocumentBuf>(CONVERSATIONS).insert_one(&damaged).await.unwrap();
    database.insert([&without(2, &[])]).await;
    database.prepare().await;

    let report = database.migration().await.run(|_| ()).await.unwrap();

    assert_eq!((report.conversations, report.skipped), (1, 1));
    let reason = &report.first_skipped[0].reason;
    assert!(matches!(reason, SkipReason::Unreadable(_)), "{reason}");
    assert_eq!(all(&database, CONVERSATIONS).await[0], damaged);
}

#[tokio::test]
async fn a_database_that_does_not_exist_yet_has_nothing_to_migrate() {
    let database = TestDatabase::new();
    let connected = database.connect().await;
    let migration = FlaskMigration::new(&connected, Arc::new(count_tokens));

    assert_eq!(migration.pending().await.unwrap(), 0);
    assert_eq!(migration.plan().await.unwrap(), MigrationReport::default());
    Schema::of(connected).prepare().await.unwrap();
    assert_eq!(migration.run(|_| ()).await.unwrap(), MigrationReport::default());
}
