//! Tests of databases with collections that Webchat did not create.

use std::time::Duration;

use futures_util::TryStreamExt;
use mongodb::Database;
use mongodb::bson::{Bson, Document, doc};
use tokio::time::timeout;
use webchat_domain::{ConversationId, UserId};
use webchat_persistence::Conversations;
use webchat_persistence::testing::moment;
use webchat_persistence_mongo::{OpenError, Schema};

use crate::flask_migration::legacy_database::{LegacyDatabase, legacy_document, object_id};
use crate::support::TestDatabase;

async fn create(database: &Database, name: &str, options: Document) {
    let mut command = doc! { "create": name };
    command.extend(options);
    database.run_command(command).await.unwrap();
}

#[tokio::test]
async fn collections_that_cannot_be_changed_are_refused_with_instructions() {
    for (name, options, kind) in [
        ("conversations", doc! { "capped": true, "size": 1_000_000 }, "a capped collection"),
        ("messages", doc! { "capped": true, "size": 1_000_000 }, "a capped collection"),
        ("meta", doc! { "capped": true, "size": 1_000_000 }, "a capped collection"),
        (
            "conversations_flask_backup",
            doc! { "capped": true, "size": 1_000_000 },
            "a capped collection",
        ),
        ("conversations", doc! { "viewOn": "old", "pipeline": [] }, "a view"),
        (
            "conversations",
            doc! { "timeseries": { "timeField": "created_at" } },
            "a time-series collection",
        ),
    ] {
        let database = TestDatabase::new();
        let raw = database.raw().await;
        create(&raw, name, options).await;
        let before = raw.list_collection_names().await.unwrap();
        let schema = Schema::of(database.connect().await);

        let error = schema.prepare().await.unwrap_err();

        assert!(matches!(error, OpenError::UnusableCollection { .. }), "{error}");
        let text = error.to_string();
        let named = format!("{name} in {}", database.connect().await.location());
        assert!(text.starts_with(&format!("{named} is {kind}")), "{text}");
        assert!(text.contains(&format!("db.{name}.aggregate([{{ $out: \"{name}_copy\" }}])")));
        assert!(schema.check().await.is_err() && schema.plan().await.is_err());
        assert_eq!(raw.list_collection_names().await.unwrap().len(), before.len(), "{name}");
    }
}

#[tokio::test]
async fn a_capped_collection_can_be_migrated_after_following_the_instructions() {
    let database = LegacyDatabase::new().await;
    let raw = &database.raw;
    raw.collection::<Document>("conversations").drop().await.unwrap();
    create(raw, "conversations", doc! { "capped": true, "size": 1_000_000 }).await;
    let id = "c0000000-0000-4000-8000-000000000001";
    database.insert([&legacy_document(object_id(1), id, "alice", &[("user", "Hi")])]).await;

    let out = [doc! { "$out": "conversations_copy" }];
    raw.collection::<Document>("conversations").aggregate(out).await.unwrap();
    raw.collection::<Document>("conversations").drop().await.unwrap();
    let rename = doc! {
        "renameCollection": format!("{}.conversations_copy", raw.name()),
        "to": format!("{}.conversations", raw.name()),
    };
    raw.client().database("admin").run_command(rename).await.unwrap();
    database.prepare().await;

    let migration = database.migration().await;
    let report = timeout(Duration::from_secs(30), migration.run(|_| ())).await.unwrap().unwrap();
    assert_eq!((report.conversations, report.messages), (1, 1));
}

#[tokio::test]
async fn a_clustered_collection_can_be_migrated() {
    let database = LegacyDatabase::new().await;
    database.raw.collection::<Document>("conversations").drop().await.unwrap();
    let clustered = doc! { "clusteredIndex": { "key": { "_id": 1 }, "unique": true } };
    create(&database.raw, "conversations", clustered).await;
    let id = "c0000000-0000-4000-8000-000000000001";
    database.insert([&legacy_document(object_id(1), id, "alice", &[("user", "Hi")])]).await;
    database.prepare().await;

    let report = database.migration().await.run(|_| ()).await.unwrap();

    assert_eq!((report.conversations, report.messages), (1, 1));
    assert_eq!(Schema::of(database.test.connect().await).plan().await.unwrap(), []);
}

#[tokio::test]
async fn a_collection_of_another_application_is_named_and_not_changed() {
    for (collection, documents) in [
        ("messages", vec![doc! { "message_id": "a", "body": "Hi" }; 2]),
        ("messages", vec![doc! { "text": "Hi" }]),
        ("conversations", vec![doc! { "title": "Theirs", "user_id": "alice" }; 2]),
        ("conversations", vec![doc! {}]),
        ("users", vec![doc! { "email": "alice@example.org" }; 2]),
    ] {
        let database = TestDatabase::new();
        let raw = database.raw().await;
        raw.collection::<Document>(collection).insert_many(documents).await.unwrap();
        let schema = Schema::of(database.connect().await);

        let error = schema.prepare().await.unwrap_err();

        assert!(matches!(error, OpenError::ForeignCollection { .. }), "{error}");
        let text = error.to_string();
        let named = format!("the collection {collection}");
        for part in [database.name.as_str(), &named, "another database"] {
            assert!(text.contains(part), "{text}");
        }
        assert_eq!(raw.list_collection_names().await.unwrap(), [collection]);
        // No validator was set.
        let theirs = raw.collection::<Document>(collection);
        theirs.insert_one(doc! { "theirs": 1 }).await.unwrap();
    }
}

#[tokio::test]
async fn preparing_twice_changes_nothing_with_options_that_others_have_set() {
    let ignoring_case = doc! { "locale": "en", "strength": 2 };
    for (collation, index) in [
        (Some(ignoring_case), None),
        (Some(doc! { "locale": "fr", "numericOrdering": true }), None),
        (None, Some(doc! { "unique": 1.0, "background": true })),
        (None, Some(doc! { "unique": true, "sparse": false, "v": 1 })),
        (None, Some(doc! { "unique": true, "hidden": true })),
    ] {
        let shown = format!("{collation:?} {index:?}");
        let database = TestDatabase::new();
        let raw = database.raw().await;
        for name in ["conversations", "messages"] {
            let options = collation.clone().map(|collation| doc! { "collation": collation });
            create(&raw, name, options.unwrap_or_default()).await;
        }
        let has_index = index.is_some();
        if let Some(options) = index {
            let mut index = doc! {
                "name": "conversation_user_idx", "key": { "conversation_id": 1, "user_id": 1 },
            };
            index.extend(options);
            let create = doc! { "createIndexes": "conversations", "indexes": [index] };
            raw.run_command(create).await.unwrap();
        }
        let before = index_of(&raw, "conversation_user_idx").await;
        let schema = Schema::of(database.connect().await);

        let first = schema.prepare().await.unwrap();

        if has_index {
            assert_eq!(index_of(&raw, "conversation_user_idx").await, before, "{shown} {first:?}");
        }
        for _ in 0..2 {
            assert_eq!(schema.prepare().await.unwrap(), [], "{shown}");
        }
    }
}

/// A query uses its collection's default collation, and can't use an index that has a different collation.
#[tokio::test]
async fn queries_use_the_indexes_of_a_collection_with_a_collation() {
    let database = TestDatabase::new();
    let raw = database.raw().await;
    let collation = doc! { "locale": "en", "strength": 2 };
    create(&raw, "conversations", doc! { "collation": collation }).await;
    let (user_id, id) = (UserId::generate(), ConversationId::generate());

    let store = database.store().await;
    store.create(user_id, id, moment(0)).await.unwrap();

    let find = doc! { "find": "conversations", "filter": { "conversation_id": id.to_string() } };
    let plan = raw.run_command(doc! { "explain": find }).await.unwrap().to_string();
    assert!(plan.contains("IXSCAN") && !plan.contains("COLLSCAN"), "{plan}");
    assert!(store.find(user_id, id).await.unwrap().is_some());
}

#[tokio::test]
async fn a_ttl_index_that_would_delete_conversations_loses_its_expiry() {
    let database = TestDatabase::new();
    let raw = database.raw().await;
    create(&raw, "conversations", doc! {}).await;
    let index = doc! {
        "name": "created_at_idx", "key": { "created_at": -1 }, "expireAfterSeconds": 3600.0,
    };
    let create = doc! { "createIndexes": "conversations", "indexes": [index] };
    raw.run_command(create).await.unwrap();
    let schema = Schema::of(database.connect().await);

    schema.prepare().await.unwrap();

    let index = index_of(&raw, "created_at_idx").await.unwrap();
    assert!(!index.contains_key("expireAfterSeconds"), "{index}");
    for _ in 0..2 {
        assert_eq!(schema.prepare().await.unwrap(), []);
    }
}

async fn index_of(database: &Database, name: &str) -> Option<Document> {
    let list = database.run_cursor_command(doc! { "listIndexes": "conversations" });
    let indexes: Vec<Document> = list.await.unwrap().try_collect().await.unwrap();
    indexes.into_iter().find(|index| index.get("name") == Some(&Bson::from(name)))
}
