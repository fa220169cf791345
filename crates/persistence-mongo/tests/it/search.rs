//! Tests of searches for which MongoDB's text index alone would violate the port's contract.

use mongodb::bson::{Document, doc};
use webchat_domain::{ConversationId, SearchQuery, UserId};
use webchat_persistence::testing::{moment, question};
use webchat_persistence::{Append, Conversations};
use webchat_persistence_mongo::MongoStore;

use crate::support::TestDatabase;

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

async fn found(store: &MongoStore, user_id: UserId, query: &str) -> Vec<String> {
    let hits = store.search(user_id, &SearchQuery::parse(query), 10).await.unwrap();
    let texts = hits.iter().map(|hit| hit.snippet.iter().map(|part| part.text.as_str()).collect());
    texts.collect()
}

#[tokio::test]
async fn a_search_for_a_phrase_and_words_requires_at_least_one_of_the_words() {
    let database = TestDatabase::new();
    let (store, user_id) = (database.store().await, UserId::generate());
    create_with_messages(
        &store,
        user_id,
        &["a spring tide", "a spring tide and the moons", "moons"],
    )
    .await;

    let found = found(&store, user_id, "\"spring tide\" moon sun").await;

    assert_eq!(found, ["a spring tide and the moons"]);
}

#[tokio::test]
async fn an_excluded_term_of_several_words_excludes_only_the_whole_phrase() {
    let database = TestDatabase::new();
    let (store, user_id) = (database.store().await, UserId::generate());
    create_with_messages(
        &store,
        user_id,
        &["tide and high-water", "tide, high and dry", "tide and water"],
    )
    .await;

    let mut found = found(&store, user_id, "tide -high-water").await;

    found.sort_unstable();
    assert_eq!(found, ["tide and water", "tide, high and dry"]);
}

#[tokio::test]
async fn a_message_is_stemmed_in_english_even_with_a_language_field() {
    let database = TestDatabase::new();
    let (store, user_id) = (database.store().await, UserId::generate());
    create_with_messages(&store, user_id, &["the tides"]).await;
    let messages = database.raw().await.collection::<Document>("messages");
    let french = doc! { "$set": { "language": "french" } };
    messages.update_one(doc! {}, french).await.unwrap();

    assert_eq!(found(&store, user_id, "tide").await, ["the tides"]);
}
