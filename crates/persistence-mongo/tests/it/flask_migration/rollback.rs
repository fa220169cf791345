//! Tests of the documented rollback to the Flask application.

use mongodb::bson::{Document, doc};
use webchat_persistence_mongo::{Schema, SchemaChange};

use super::legacy_database::{
    CONVERSATIONS, LegacyDatabase, legacy_document, legacy_validator, object_id, raw,
};

const CONVERSATION: &str = "6f1f7a52-3f0e-4c1a-9d57-0a8f1a0f7f11";
const USER: &str = "6f1f7a52-3f0e-4c1a-9d57-0a8f1a0f7f12";

#[tokio::test]
async fn the_flask_application_starts_on_a_database_that_was_migrated_and_restored() {
    let database = LegacyDatabase::new().await;
    let document = legacy_document(object_id(1), CONVERSATION, USER, &[("user", "Why tides?")]);
    database.insert([&document]).await;
    database.prepare().await;
    database.migration().await.run(|_| ()).await.unwrap();

    database.restore_backup().await;
    database.create_legacy_indexes().await;
    let validate = doc! { "collMod": CONVERSATIONS, "validator": legacy_validator() };
    database.raw.run_command(validate).await.unwrap();

    let restored = database.find(CONVERSATIONS, document.get("_id").unwrap()).await;
    assert_eq!(restored, Some(raw(&document)));
    let search = doc! { "$text": { "$search": "tides" } };
    let conversations = database.collection::<Document>(CONVERSATIONS);
    assert_eq!(conversations.count_documents(search).await.unwrap(), 1);
}

#[tokio::test]
async fn preparing_keeps_the_indexes_of_the_flask_application() {
    let database = LegacyDatabase::new().await;

    let planned = Schema::of(database.test.connect().await).plan().await.unwrap();

    let is_drop = |change: &SchemaChange| matches!(change, SchemaChange::DropIndex { .. });
    assert!(!planned.iter().any(is_drop), "{planned:?}");
}
