//! Tests of databases that were restored without their indexes, and of values of unexpected types.

use futures_util::TryStreamExt;
use mongodb::bson::spec::BinarySubtype;
use mongodb::bson::{Binary, Bson, DateTime, Document, Timestamp, doc};
use uuid::Uuid;
use webchat_domain::{ConversationId, Role, UserId};
use webchat_persistence::{ArchiveFilter, ConversationTransfer, Conversations, ListOrder};
use webchat_persistence_mongo::{MigrationReport, Schema, SkipReason};

use super::legacy_database::{
    CONVERSATIONS, CREATED_AT, LegacyDatabase, NAMESPACE, legacy_document, object_id,
};

const ID: &str = "5f0c0f0e-0000-4000-8000-000000000001";
const USER: &str = "5f0c0f0e-0000-4000-8000-0000000000aa";
const TALK: [(&str, &str); 2] = [("user", "How deep?"), ("assistant", "Ninety.")];

/// Plans and runs the preparation and the migration of a database without indexes. Both must agree.
async fn migrate(documents: &[Document]) -> (LegacyDatabase, MigrationReport) {
    let database = LegacyDatabase::new().await;
    database.collection::<Document>(CONVERSATIONS).drop().await.unwrap();
    database.insert(documents).await;
    let schema = Schema::of(database.test.connect().await);
    let migration = database.migration().await;
    let (changes, planned) = (schema.plan().await.unwrap(), migration.plan().await.unwrap());
    assert_eq!(schema.prepare().await.unwrap(), changes);
    let done = migration.run(|_| ()).await.unwrap();
    assert_eq!(done, planned, "the plan differs from the run");
    // Without duplicates, the next start makes the index unique.
    schema.prepare().await.unwrap();
    assert_eq!(schema.plan().await.unwrap(), [], "the schema is not stable");
    (database, done)
}

fn document(number: u32) -> Document {
    legacy_document(object_id(number), ID, USER, &TALK)
}

fn changed(number: u32, name: &str, value: impl Into<Bson>) -> Document {
    let id = format!("c0000000-0000-4000-8000-{number:012}");
    let mut document = legacy_document(object_id(number), &id, USER, &TALK);
    document.insert(name, value);
    document
}

fn reasons(report: &MigrationReport) -> Vec<&SkipReason> {
    report.first_skipped.iter().map(|skipped| &skipped.reason).collect()
}

#[tokio::test]
async fn of_duplicates_in_a_database_without_indexes_the_oldest_is_migrated() {
    let (database, report) = migrate(&[document(2), document(1), document(3)]).await;

    let oldest = format!("ObjectId(\"{}\")", object_id(1).to_hex());
    let duplicate = SkipReason::DuplicateConversationId(oldest);
    assert_eq!(reasons(&report), [&duplicate, &duplicate]);
    assert_eq!((report.conversations, report.messages), (1, 2));
    let store = database.test.store().await;
    assert_eq!(store.totals().await.unwrap().messages, 2);
}

#[tokio::test]
async fn documents_without_ids_are_migrated() {
    let without = |number, names: &[&str]| {
        let mut document = document(number);
        for name in names {
            document.remove(name);
        }
        document
    };
    let documents = [
        without(1, &["conversation_id"]),
        without(2, &["conversation_id"]),
        without(3, &["conversation_id", "user_id"]),
        without(4, &["conversation_id", "user_id"]),
    ];

    let (_database, report) = migrate(&documents).await;

    assert_eq!((report.conversations, report.skipped), (4, 0));
}

/// A server indexes null like a missing field.
#[tokio::test]
async fn null_is_a_missing_id() {
    let cases: [&[(u32, &str, Option<Bson>)]; 2] = [
        &[(1, "conversation_id", None), (2, "conversation_id", Some(Bson::Null))],
        &[(1, "user_id", None), (2, "user_id", Some(Bson::Null)), (3, "user_id", None)],
    ];
    for case in cases {
        let documents = case.iter().map(|(number, name, value)| {
            let mut document = document(*number);
            document.remove(name);
            document.extend(value.clone().map(|value| ((*name).to_owned(), value)));
            document
        });

        let (_database, report) = migrate(&documents.collect::<Vec<_>>()).await;

        let migrated = if case[0].1 == "user_id" { 1 } else { 2 };
        let skipped = u64::try_from(case.len()).unwrap() - migrated;
        assert_eq!((report.conversations, report.skipped), (migrated, skipped), "{case:?}");
    }
}

#[tokio::test]
async fn documents_of_another_application_are_named_and_not_changed() {
    let foreign = [
        doc! { "_id": 1 },
        doc! { "_id": 2, "title": "Theirs", "user_id": USER, "updated_at": DateTime::now() },
        doc! { "_id": 3, "participants": ["alice", "bob"], "messages": [] },
    ];
    let all: Vec<Document> = foreign.iter().cloned().chain([document(1)]).collect();

    let (database, report) = migrate(&all).await;

    assert_eq!(reasons(&report), [&SkipReason::Foreign; 3]);
    assert_eq!((report.conversations, report.skipped), (1, 3));
    let theirs = database.collection::<Document>(CONVERSATIONS);
    let kept = theirs.find(doc! { "_id": { "$type": "int" } }).sort(doc! { "_id": 1 });
    let kept: Vec<Document> = kept.await.unwrap().try_collect().await.unwrap();
    assert_eq!(kept, foreign);
}

/// A server can't index a document with lists in two fields of an index.
#[tokio::test]
async fn documents_with_lists_as_ids_are_named_and_not_changed() {
    let list = |names: &[(&str, &[&str])], number| {
        let mut document = document(number);
        document.extend(names.iter().map(|(name, ids)| ((*name).to_owned(), (*ids).into())));
        document
    };
    let documents = [
        list(&[("conversation_id", &["a", "b"])], 1),
        list(&[("conversation_id", &["b"])], 2),
        list(&[("user_id", &["a"])], 3),
        list(&[("user_id", &["a"]), ("conversation_id", &["a"])], 4),
        list(&[("user_id", &["a"]), ("created_at", &["a"])], 5),
        list(&[("user_id", &["a"]), ("archived", &["a"]), ("updated_at", &[])], 6),
        changed(7, "title", "Tides"),
    ];

    let (database, report) = migrate(&documents).await;

    assert_eq!((report.conversations, report.skipped), (1, 6), "{report:?}");
    let store = database.test.store().await;
    assert_eq!(store.totals().await.unwrap().messages, 2);
}

#[tokio::test]
async fn ids_and_dates_of_any_type_are_migrated() {
    let at = CREATED_AT / 1000;
    let dates: [Bson; 12] = [
        "2023-11-14T22:13:20".into(),
        "2023-11-14 22:13:20".into(),
        "2023-11-14T22:13:20+00:00".into(),
        at.into(),
        at.to_string().into(),
        Bson::Double(1_700_000_000.0),
        CREATED_AT.into(),
        Bson::Timestamp(Timestamp { time: 1_700_000_000, increment: 1 }),
        "Tue, 14 Nov 2023 22:13:20 GMT".into(),
        "Tue, 14 Nov 2023 23:13:20 +0100".into(),
        (CREATED_AT * 1_000).to_string().into(),
        doc! { "$date": "2023-11-14T22:13:20Z" }.into(),
    ];
    let mut documents: Vec<Document> =
        (10..).zip(dates).map(|(number, date)| changed(number, "created_at", date)).collect();
    documents.push(changed(22, "created_at", "soon"));
    documents.push(changed(23, "updated_at", DateTime::MAX));
    documents.push(changed(30, "conversation_id", 57));
    documents.push(changed(31, "conversation_id", Bson::Double(57.0)));
    documents.push(changed(32, "conversation_id", object_id(9)));
    documents.push(changed(33, "user_id", 7_i64));

    let (database, report) = migrate(&documents).await;

    assert_eq!(report.conversations, 17);
    assert!(matches!(reasons(&report)[..], [SkipReason::DuplicateConversationId(_)]), "{report:?}");
    let store = database.test.store().await;
    let user: UserId = USER.parse().unwrap();
    for number in 10..=22 {
        let id: ConversationId = format!("c0000000-0000-4000-8000-{number:012}").parse().unwrap();
        let found = store.find(user, id).await.unwrap().unwrap();
        let expected = if number == 22 { CREATED_AT + 60_000 } else { CREATED_AT };
        assert_eq!(found.created_at.unix_millis(), expected, "{number}");
    }
}

#[tokio::test]
async fn odd_messages_are_read_or_named_and_the_others_are_migrated() {
    let history = vec![
        Bson::from(doc! { "role": "USER", "content": [{ "type": "text", "text": "How deep?" }] }),
        doc! { "role": "assistant", "content": null, "tool_calls": [] }.into(),
        doc! { "role": "moderator", "content": "Hm" }.into(),
        "Ninety.".into(),
        Bson::Null,
        doc! { "role": " Assistant ", "content": 90 }.into(),
    ];

    let (database, report) = migrate(&[changed(1, "conversation_history", history)]).await;

    assert_eq!((report.conversations, report.messages, report.left_out_messages), (1, 2, 2));
    let left_out: Vec<&SkipReason> = report.first_left_out.iter().map(|it| &it.reason).collect();
    assert_eq!(left_out, [&SkipReason::UnknownRole(2), &SkipReason::InvalidEntry(3)]);
    let id = Uuid::parse_str("c0000000-0000-4000-8000-000000000001").unwrap();
    let store = database.test.store().await;
    let messages =
        store.messages_of(USER.parse().unwrap(), id.into(), 0, 9).await.unwrap().unwrap();
    let texts: Vec<(Role, &str)> = messages
        .iter()
        .map(|stored| (stored.message.role, stored.message.content.as_str()))
        .collect();
    assert_eq!(texts, [(Role::User, "How deep?"), (Role::Assistant, "90")]);
}

#[tokio::test]
async fn a_document_with_a_field_schema_of_its_own_is_migrated() {
    let schemas: [Bson; 6] =
        [1.into(), 1_i64.into(), "v2".into(), Bson::Null, doc! {}.into(), true.into()];
    let documents: Vec<Document> =
        (1..).zip(schemas).map(|(number, value)| changed(number, "schema", value)).collect();

    let (database, report) = migrate(&documents).await;

    assert_eq!((report.conversations, report.already_current, report.skipped), (6, 0, 0));
    assert_eq!(database.test.store().await.totals().await.unwrap().messages, 12);
    assert_eq!(database.migration().await.plan().await.unwrap().already_current, 6);
}

#[tokio::test]
async fn user_ids_of_any_type_are_migrated_or_named() {
    let uuid = Uuid::parse_str(USER).unwrap();
    let binary = Binary { subtype: BinarySubtype::Uuid, bytes: uuid.as_bytes().to_vec() };
    let derived = |name: &str| Uuid::new_v5(&NAMESPACE, format!("user:{name}").as_bytes());
    let users: [(Bson, Uuid); 7] = [
        (binary.into(), uuid),
        (7.into(), derived("7")),
        (7_i64.into(), derived("7")),
        (Bson::Double(7.0), derived("7")),
        (object_id(9).into(), derived(&object_id(9).to_hex())),
        (Bson::Null, derived("anonymous")),
        ("alice".into(), derived("alice")),
    ];
    let odd: [Bson; 3] = [doc! { "name": "alice" }.into(), vec!["alice"].into(), true.into()];
    let carried = users.iter().map(|(value, _)| value.clone());
    let documents: Vec<Document> = (1..)
        .zip(carried.chain(odd))
        .map(|(number, value)| changed(number, "user_id", value))
        .collect();

    let (database, report) = migrate(&documents).await;

    assert_eq!((report.conversations, report.skipped), (7, 3));
    for reason in reasons(&report) {
        assert!(reason.to_string().starts_with("its user_id is neither"), "{reason}");
    }
    let store = database.test.store().await;
    for (number, (value, user)) in (1..).zip(users) {
        let id: ConversationId = format!("c0000000-0000-4000-8000-{number:012}").parse().unwrap();
        let found = store.find(user.into(), id).await.unwrap();
        assert!(found.is_some(), "{value:?} is not the id of {user}");
    }
}

/// The validator would reject them, and the store could not read them.
#[tokio::test]
async fn fields_with_the_names_of_webchats_are_replaced() {
    let own: [(&str, Bson); 8] = [
        ("archived", false.into()),
        ("archived", "yes".into()),
        ("title", 7.into()),
        ("head", "top".into()),
        ("message_count", "many".into()),
        ("context", "none".into()),
        ("running_turn", true.into()),
        ("lease_until", "never".into()),
    ];
    let documents: Vec<Document> = (1..)
        .zip(&own)
        .map(|(number, (name, value))| changed(number, name, value.clone()))
        .collect();

    let (database, report) = migrate(&documents).await;

    assert_eq!((report.conversations, report.skipped), (8, 0), "{report:?}");
    let store = database.test.store().await;
    let (all, newest) = (ArchiveFilter::Active, ListOrder::Created);
    let listed = store.list(USER.parse().unwrap(), all, newest, None, 10).await.unwrap();
    assert_eq!(listed.items.len(), own.len());
}
