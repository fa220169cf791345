//! Tests of deleting conversations that are too long for one transaction.

use mongodb::bson::{Document, doc};
use webchat_domain::{ClientMessageId, ConversationId, SearchQuery, UserId};
use webchat_persistence::testing::{moment, question};
use webchat_persistence::{Append, AppendOutcome, ConversationTransfer, Conversations, Totals};
use webchat_persistence_mongo::MongoStore;

use crate::support::TestDatabase;
use crate::support::server::eventually;

const MESSAGES: usize = 1_200;

/// Creates a conversation of many messages.
async fn long_conversation(store: &MongoStore, user_id: UserId) -> ConversationId {
    let id = ConversationId::generate();
    store.create(user_id, id, moment(0)).await.unwrap();
    let messages = (0..MESSAGES).map(|number| question(&format!("tide {number}"))).collect();
    let append =
        Append { messages, client_message_id: client_message_id("c1"), ..Append::default() };
    store.append(user_id, id, append, moment(0)).await.unwrap();
    id
}

fn client_message_id(text: &str) -> Option<ClientMessageId> {
    ClientMessageId::try_from(text.to_owned()).ok()
}

/// Prevents messages from being deleted while `work` runs.
async fn with_deletion_blocked(database: &TestDatabase, work: impl AsyncFnOnce()) {
    let raw = database.raw().await;
    // Deleting a batch first updates the document in `removals`, which this validator rejects.
    let blocked = doc! { "collMod": "removals", "validator": { "times": { "$exists": false } } };
    raw.run_command(blocked).await.unwrap();
    work().await;
    let unblocked = doc! { "collMod": "removals", "validator": {} };
    raw.run_command(unblocked).await.unwrap();
}

async fn count(database: &TestDatabase, collection: &str) -> u64 {
    let raw = database.raw().await;
    raw.collection::<Document>(collection).count_documents(doc! {}).await.unwrap()
}

#[tokio::test]
async fn the_messages_of_a_deleted_conversation_are_deleted_eventually() {
    let database = TestDatabase::new();
    let (store, user_id) = (database.store().await, UserId::generate());
    let id = long_conversation(&store, user_id).await;
    let other = long_conversation(&store, user_id).await;

    store.delete(user_id, id).await.unwrap();

    eventually(async || count(&database, "removals").await == 0).await;
    assert_eq!(count(&database, "messages").await, u64::try_from(MESSAGES).unwrap());
    assert_eq!(store.messages(user_id, other, None, 1).await.unwrap().unwrap().len(), 1);
}

#[tokio::test]
async fn messages_that_are_not_deleted_yet_are_invisible() {
    let database = TestDatabase::new();
    let (store, user_id) = (database.store().await, UserId::generate());
    let (deleted, reset) =
        (long_conversation(&store, user_id).await, long_conversation(&store, user_id).await);
    with_deletion_blocked(&database, async || {
        store.delete(user_id, deleted).await.unwrap();
        store.reset(user_id, reset, moment(1)).await.unwrap();

        assert_eq!(count(&database, "messages").await, u64::try_from(2 * MESSAGES).unwrap());
        assert_eq!(store.messages(user_id, deleted, None, 10).await.unwrap(), None);
        assert_eq!(store.messages(user_id, reset, None, 10).await.unwrap(), Some(Vec::new()));
        let hits = store.search(user_id, &SearchQuery::parse("tide"), 10).await.unwrap();
        assert_eq!(hits, []);
    })
    .await;
}

#[tokio::test]
async fn a_reset_conversation_can_be_continued_immediately() {
    let database = TestDatabase::new();
    let (store, user_id) = (database.store().await, UserId::generate());
    let id = long_conversation(&store, user_id).await;
    with_deletion_blocked(&database, async || {
        store.reset(user_id, id, moment(1)).await.unwrap();
        let append = Append {
            messages: vec![question("a tide after the reset")],
            client_message_id: client_message_id("c1"),
            ..Append::default()
        };
        let appended = store.append(user_id, id, append, moment(2)).await.unwrap();

        assert!(
            matches!(appended, AppendOutcome::Stored { .. }),
            "the client_message_id could not be used again: {appended:?}"
        );
        let hits = store.search(user_id, &SearchQuery::parse("tide"), 10).await.unwrap();
        assert_eq!(hits.len(), 1);
    })
    .await;
    // Counting the totals first completes all pending deletions.
    let expected = Totals { conversations: 1, messages: 1 };
    assert_eq!(
        store.totals().await.unwrap(),
        expected,
        "messages from before the reset are still stored"
    );
}

#[tokio::test]
async fn an_id_can_be_reused_once_all_messages_of_its_conversation_are_deleted() {
    let database = TestDatabase::new();
    let (store, user_id) = (database.store().await, UserId::generate());
    let id = long_conversation(&store, user_id).await;
    with_deletion_blocked(&database, async || {
        store.delete(user_id, id).await.unwrap();

        let too_early = store.create(user_id, id, moment(1)).await.unwrap();
        assert_eq!(too_early, None);
    })
    .await;

    // Counting the totals first completes all pending deletions.
    store.totals().await.unwrap();
    assert!(store.create(user_id, id, moment(1)).await.unwrap().is_some());
    assert_eq!(store.messages(user_id, id, None, 10).await.unwrap(), Some(Vec::new()));
}

#[tokio::test]
async fn messages_left_behind_by_a_crash_are_deleted_when_the_store_is_opened_again() {
    let database = TestDatabase::new();
    let (store, user_id) = (database.store().await, UserId::generate());
    let id = long_conversation(&store, user_id).await;
    with_deletion_blocked(&database, async || {
        store.delete(user_id, id).await.unwrap();
    })
    .await;
    drop(store);

    let _next = database.store().await;

    eventually(async || count(&database, "messages").await == 0).await;
}
