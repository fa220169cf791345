//! Tests of preparing the schema of a database.

use std::time::Duration;

use futures_util::future::{join, join_all};
use mongodb::bson::{DateTime, Document, doc};
use tokio::time::timeout;
use webchat_domain::{ConversationId, SearchQuery, UserId};
use webchat_persistence::testing::{moment, question};
use webchat_persistence::{
    Append, AppendOutcome, ArchiveFilter, ConversationTransfer, Conversations, ListOrder,
    StoreError,
};
use webchat_persistence_mongo::{MongoDatabase, OpenError, Schema, SchemaChange};

use crate::support::TestDatabase;
use crate::support::server::{TestServer, eventually};

#[tokio::test]
async fn preparing_a_second_time_changes_nothing() {
    let database = TestDatabase::new();
    let schema = Schema::of(database.connect().await);

    let done = schema.prepare().await.unwrap();

    let printed: Vec<String> = done.iter().map(ToString::to_string).collect();
    assert!(printed.contains(&"create the collection messages".to_owned()), "{printed:?}");
    assert!(printed.contains(&"create the index created_at_idx of conversations".to_owned()));
    assert_eq!(printed.last().unwrap(), "record the schema version 1");
    assert_eq!(schema.plan().await.unwrap(), []);
    assert_eq!(schema.prepare().await.unwrap(), []);
}

#[tokio::test]
async fn a_plan_lists_the_changes_and_makes_none() {
    let database = TestDatabase::new();
    let schema = Schema::of(database.connect().await);

    let planned = schema.plan().await.unwrap();

    assert_eq!(database.raw().await.list_collection_names().await.unwrap(), Vec::<String>::new());
    assert_eq!(schema.prepare().await.unwrap(), planned);
}

#[tokio::test]
async fn many_instances_can_prepare_at_the_same_time() {
    let database = TestDatabase::new();
    let schema = Schema::of(database.connect().await);

    let prepared = join_all((0..8).map(|_| schema.prepare())).await;

    for outcome in prepared {
        outcome.unwrap();
    }
    assert_eq!(schema.plan().await.unwrap(), []);
}

#[tokio::test]
async fn different_validators_and_indexes_are_replaced() {
    let database = TestDatabase::new();
    let raw = database.raw().await;
    raw.create_collection("conversations").validator(doc! { "title": 1 }).await.unwrap();
    for index in [
        doc! { "name": "created_at_idx", "key": { "created_at": 1.0, "user_id": 1.0 } },
        doc! { "name": "theirs", "key": { "conversation_id": 1, "user_id": 1 } },
        doc! { "name": "another", "key": { "title": 1 } },
    ] {
        create_index(&raw, "conversations", index).await;
    }
    let schema = Schema::of(database.connect().await);

    let done = schema.prepare().await.unwrap();

    let collection = "conversations";
    assert!(done.contains(&SchemaChange::SetValidator(collection)), "{done:?}");
    for (index, is_dropped) in [("created_at_idx", true), ("theirs", true), ("another", false)] {
        let drop = SchemaChange::DropIndex { collection, index: index.to_owned() };
        assert_eq!(done.contains(&drop), is_dropped, "{index}: {done:?}");
    }
    assert_eq!(schema.plan().await.unwrap(), []);
}

/// Earlier versions of Webchat created this index in ascending order, unlike the Flask application.
#[tokio::test]
async fn many_instances_can_replace_an_index_at_the_same_time() {
    let database = TestDatabase::new();
    let schema = Schema::of(database.connect().await);
    schema.prepare().await.unwrap();
    let raw = database.raw().await;
    let drop = doc! { "dropIndexes": "conversations", "index": "created_at_idx" };
    raw.run_command(drop).await.unwrap();
    let earlier = doc! { "name": "created_at_idx", "key": { "created_at": 1 } };
    create_index(&raw, "conversations", earlier).await;

    let prepared = join_all((0..8).map(|_| schema.prepare())).await;

    for outcome in prepared {
        outcome.unwrap();
    }
    assert_eq!(schema.plan().await.unwrap(), []);
    let index = doc! { "name": "created_at_idx", "key": { "created_at": -1 } };
    create_index(&raw, "conversations", index).await;
}

/// Other clients use other number types for the direction.
#[tokio::test]
async fn indexes_created_by_other_clients_are_recognised() {
    let database = TestDatabase::new();
    let raw = database.raw().await;
    raw.create_collection("conversations").await.unwrap();
    let index = doc! {
        "name": "conversation_user_idx",
        "key": { "conversation_id": 1.0, "user_id": 1_i64 },
        "unique": true,
    };
    create_index(&raw, "conversations", index).await;

    let planned = Schema::of(database.connect().await).plan().await.unwrap();

    let index = "conversation_user_idx".to_owned();
    let create = SchemaChange::CreateIndex { collection: "conversations", index };
    assert!(!planned.contains(&create), "{planned:?}");
}

#[tokio::test]
async fn documents_that_violate_a_unique_index_are_reported() {
    let database = TestDatabase::new();
    let user = doc! { "user_id": "twice", "active_at": DateTime::now() };
    let users = database.raw().await.collection::<Document>("users");
    users.insert_many([user.clone(), user]).await.unwrap();

    let error = Schema::of(database.connect().await).prepare().await.unwrap_err();

    assert!(matches!(error, OpenError::Rejected { .. }), "{error}");
    let text = error.to_string();
    for part in [&database.name, "create the index user_idx of users", "twice", "delete all but"] {
        assert!(text.contains(part), "{text}");
    }
}

#[tokio::test]
async fn a_write_that_the_database_rejects_is_a_fault_with_the_reason() {
    let database = TestDatabase::new();
    let (store, user_id, id) =
        (database.store().await, UserId::generate(), ConversationId::generate());
    store.create(user_id, id, moment(0)).await.unwrap();
    let raw = database.raw().await;
    // Simulate a bug that makes the program violate the validator.
    let strict = doc! { "content": { "$ne": "wrong" } };
    raw.run_command(doc! { "collMod": "messages", "validator": strict }).await.unwrap();

    let wrong = Append { messages: vec![question("wrong")], ..Append::default() };
    let error = store.append(user_id, id, wrong, moment(0)).await.unwrap_err();

    let StoreError::Fault(cause) = error else { panic!("{error:?}") };
    assert!(cause.to_string().contains("Document failed validation"), "{cause}");
    assert_eq!(store.find(user_id, id).await.unwrap().unwrap().message_count, 0);
}

#[tokio::test]
async fn conversations_of_the_flask_application_are_not_found_and_not_changed() {
    let database = TestDatabase::new();
    let (user_id, id) = (UserId::generate(), ConversationId::generate());
    let flask = doc! {
        "conversation_id": id.to_string(),
        "user_id": user_id.to_string(),
        "created_at": DateTime::from_millis(1_700_000_000_000),
        "updated_at": DateTime::from_millis(1_700_000_000_000),
        "conversation_history": [{ "role": "user", "content": "tides" }],
        "conversation_text": "tides",
    };
    let conversations = database.raw().await.collection::<Document>("conversations");
    conversations.insert_one(&flask).await.unwrap();

    let store = database.store().await;

    assert_eq!(store.find(user_id, id).await.unwrap(), None);
    let listed =
        store.list(user_id, ArchiveFilter::All, ListOrder::Updated, None, 10).await.unwrap();
    assert_eq!(listed.items, []);
    let append = store.append(user_id, id, Append::default(), moment(0)).await.unwrap();
    assert_eq!(append, AppendOutcome::NotFound);
    assert!(!store.delete(user_id, id).await.unwrap());
    assert!(!store.reset(user_id, id, moment(0)).await.unwrap());
    assert_eq!(store.search(user_id, &SearchQuery::parse("tides"), 10).await.unwrap(), []);
    assert_eq!(store.totals().await.unwrap().conversations, 0);
    let again = store.create(user_id, id, moment(0)).await;
    assert!(
        matches!(again, Err(StoreError::Fault(_))),
        "the id of the Flask application's conversation was used again: {again:?}"
    );
    let mut stored = conversations.find_one(doc! {}).await.unwrap().unwrap();
    stored.remove("_id");
    assert_eq!(stored, flask);
}

#[tokio::test]
async fn an_index_that_is_being_built_does_not_block_other_instances() {
    let server = TestServer::start().await;
    let database = TestDatabase::on(&server);
    let (store, user_id, id) =
        (database.store().await, UserId::generate(), ConversationId::generate());
    store.create(user_id, id, moment(0)).await.unwrap();
    let raw = database.raw().await;
    let drop = doc! { "dropIndexes": "conversations", "index": "created_at_idx" };
    raw.run_command(drop).await.unwrap();
    let schema = Schema::of(database.connect().await);
    server.fail_point("hangAfterStartingIndexBuild", "alwaysOn", doc! {}).await;

    let builds = schema.prepare();
    let starts = async {
        eventually(async || is_building(&raw).await).await;
        let started = timeout(Duration::from_secs(10), schema.prepare()).await;
        server.fail_point("hangAfterStartingIndexBuild", "off", doc! {}).await;
        started
    };
    let (built, started) = join(builds, starts).await;

    assert_eq!(started.expect("preparing waited for the index").unwrap(), []);
    assert_eq!(built.unwrap().len(), 1);
}

async fn is_building(database: &mongodb::Database) -> bool {
    let list = doc! { "listIndexes": "conversations", "includeBuildUUIDs": true };
    let indexes = database.run_command(list).await.unwrap();
    indexes.to_string().contains("buildUUID")
}

async fn create_index(database: &mongodb::Database, collection: &str, index: Document) {
    database.run_command(doc! { "createIndexes": collection, "indexes": [index] }).await.unwrap();
}

#[tokio::test]
async fn missing_rights_are_named_before_anything_is_changed() {
    for (roles, missing) in [
        (&["read"][..], Some("collMod, createCollection, createIndex, insert, remove, update")),
        (&["readWrite"], Some("collMod")),
        (&["readWrite", "dbAdmin"], None),
        (&["dbOwner"], None),
    ] {
        let database = TestDatabase::new();
        let raw = database.raw().await;
        raw.create_collection("conversations").await.unwrap();
        let user = doc! { "createUser": "alice", "pwd": "tide", "roles": roles };
        raw.run_command(user).await.unwrap();
        let uri = database.uri.replacen("://", "://alice:tide@", 1);
        let schema = Schema::of(MongoDatabase::connect(&uri).await.unwrap());

        let (planned, prepared) = (schema.plan().await, schema.prepare().await);
        raw.run_command(doc! { "dropAllUsersFromDatabase": 1 }).await.unwrap();

        let rights = |error: OpenError| match error {
            OpenError::MissingRights { rights, .. } => rights,
            other => panic!("{other}"),
        };
        assert_eq!(planned.err().map(rights).as_deref(), missing, "{roles:?}");
        assert_eq!(prepared.err().map(rights).as_deref(), missing, "{roles:?}");
        let collections = raw.list_collection_names().await.unwrap();
        assert_eq!(collections.len() == 1, missing.is_some(), "{roles:?} {collections:?}");
    }
}

#[tokio::test]
async fn unique_indexes_of_others_are_named() {
    let database = TestDatabase::new();
    let raw = database.raw().await;
    let text = doc! { "name": "text", "key": { "conversation_text": 1 }, "unique": true };
    let plain = doc! { "name": "plain", "key": { "title": 1 } };
    let create = doc! { "createIndexes": "conversations", "indexes": [text, plain] };
    raw.run_command(create).await.unwrap();
    let schema = Schema::of(database.connect().await);
    let named = [("conversations", "text".to_owned())];

    assert_eq!(schema.foreign_unique_indexes().await.unwrap(), named);
    schema.prepare().await.unwrap();
    assert_eq!(schema.foreign_unique_indexes().await.unwrap(), named);
}
