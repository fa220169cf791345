//! Tests of the index of search terms.

use mongodb::IndexModel;
use mongodb::bson::{DateTime, Document, doc};
use mongodb::options::IndexOptions;
use webchat_domain::{ConversationId, NewMessage, SearchQuery, TurnId, UserId};
use webchat_persistence::testing::{empty_answer, moment, question};
use webchat_persistence::{Append, Conversations};
use webchat_persistence_mongo::MongoStore;

use crate::support::TestDatabase;
use crate::support::server::eventually;

async fn create_with_messages(
    store: &MongoStore,
    user_id: UserId,
    texts: &[&str],
) -> ConversationId {
    let id = ConversationId::generate();
    store.create(user_id, id, moment(0)).await.unwrap();
    let messages = texts.iter().map(|text| question(text)).collect();
    let append = Append { messages, ..Append::default() };
    store.append(user_id, id, append, moment(0)).await.unwrap();
    id
}

/// Waits until the first pass over the existing messages is complete.
async fn wait_until_indexed(database: &TestDatabase) {
    let meta = database.raw().await.collection::<Document>("meta");
    let complete = doc! { "_id": "search_terms", "complete_until": { "$exists": true } };
    eventually(async || meta.find_one(complete.clone()).await.unwrap().is_some()).await;
}

async fn found(store: &MongoStore, user_id: UserId, query: &str) -> Vec<String> {
    let hits = store.search(user_id, &SearchQuery::parse(query), 10).await.unwrap();
    let texts = hits.iter().map(|hit| hit.snippet.iter().map(|part| part.text.as_str()).collect());
    texts.collect()
}

#[tokio::test]
async fn messages_of_an_older_version_are_indexed_in_the_background() {
    let database = TestDatabase::new();
    let user_id = UserId::generate();
    let store = database.store().await;
    create_with_messages(&store, user_id, &["the tides", "a spring tide"]).await;
    drop(store);
    let messages = database.raw().await.collection::<Document>("messages");
    let without_terms = doc! { "$unset": { "search_terms": "" } };
    messages.update_many(doc! {}, without_terms).await.unwrap();

    let store = database.store().await;

    eventually(async || found(&store, user_id, "tide").await.len() == 2).await;
}

#[tokio::test]
async fn the_next_start_indexes_what_an_old_instance_wrote_during_the_upgrade() {
    let database = TestDatabase::new();
    let user_id = UserId::generate();
    let store = database.store().await;
    wait_until_indexed(&database).await;
    create_with_messages(&store, user_id, &["the tides"]).await;
    let messages = database.raw().await.collection::<Document>("messages");
    messages.update_many(doc! {}, doc! { "$unset": { "search_terms": "" } }).await.unwrap();
    assert_eq!(found(&store, user_id, "tide").await, Vec::<String>::new());

    let restarted = database.store().await;

    eventually(async || found(&restarted, user_id, "tide").await.len() == 1).await;
}

#[tokio::test]
async fn an_answer_that_an_old_instance_continues_after_it_was_indexed_is_indexed_again() {
    let database = TestDatabase::new();
    let user_id = UserId::generate();
    let store = database.store().await;
    wait_until_indexed(&database).await;
    let id = ConversationId::generate();
    store.create(user_id, id, moment(0)).await.unwrap();
    let answer = NewMessage { content: "Because".to_owned(), ..empty_answer(TurnId::generate()) };
    let append = Append { messages: vec![question("why?"), answer], ..Append::default() };
    store.append(user_id, id, append, moment(0)).await.unwrap();
    let messages = database.raw().await.collection::<Document>("messages");
    let continued = doc! { "$set": { "content": "Because of the tides." } };
    messages.update_one(doc! { "content": "Because" }, continued).await.unwrap();
    assert_eq!(found(&store, user_id, "tide").await, Vec::<String>::new());

    let restarted = database.store().await;

    eventually(async || found(&restarted, user_id, "tide").await.len() == 1).await;
}

#[tokio::test]
async fn the_text_index_of_a_former_version_is_dropped_a_day_after_the_upgrade() {
    let database = TestDatabase::new();
    let raw = database.raw().await;
    let messages = raw.collection::<Document>("messages");
    let name = IndexOptions::builder().name("conversation_text_index".to_owned()).build();
    let keys = doc! { "user_id": 1, "content": "text" };
    messages.create_index(IndexModel::builder().keys(keys).options(name).build()).await.unwrap();
    let meta = raw.collection::<Document>("meta");
    let record = doc! { "_id": "search_terms" };
    let has_text_index = async || {
        let names = messages.list_index_names().await.unwrap();
        names.contains(&"conversation_text_index".to_owned())
    };

    let store = database.store().await;
    let complete = doc! { "_id": "search_terms", "complete_until": { "$exists": true } };
    eventually(async || meta.find_one(complete.clone()).await.unwrap().is_some()).await;
    assert!(has_text_index().await, "old instances need it");
    drop(store);
    let day_ago = DateTime::from_millis(DateTime::now().timestamp_millis() - 24 * 60 * 60 * 1_000);
    meta.update_one(record, doc! { "$set": { "upgraded_at": day_ago } }).await.unwrap();
    let _store = database.store().await;

    eventually(async || !has_text_index().await).await;
}
