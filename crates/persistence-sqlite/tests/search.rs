//! Tests of searches in many messages.
#![expect(clippy::unwrap_used, reason = "these are tests")]

use webchat_domain::{
    Context, Conversation, ConversationId, Message, MessageId, SearchQuery, UserId,
};
use webchat_persistence::search::{MAX_RANKED_BYTES, RANKING_SOURCE_BYTES};
use webchat_persistence::{ConversationTransfer, Conversations, StoredConversation, StoredMessage};
use webchat_persistence_sqlite::SqliteStore;

/// More long messages than are ranked.
const MESSAGES: usize = MAX_RANKED_BYTES / RANKING_SOURCE_BYTES + 50;

async fn insert(store: &SqliteStore, user_id: UserId, texts: Vec<String>) -> ConversationId {
    let conversation_id = ConversationId::generate();
    let stored = StoredConversation {
        user_id,
        conversation: Conversation { conversation_id, ..Conversation::fixture() },
        head: None,
        last_position: u64::try_from(texts.len()).unwrap(),
        context: Context::default(),
    };
    let message = |(position, content)| StoredMessage {
        message: Message {
            conversation_id,
            message_id: MessageId::generate(),
            position,
            content,
            ..Message::fixture()
        },
        client_message_id: None,
        active: true,
    };
    let messages = (1..).zip(texts).map(message).collect();
    assert!(store.insert_with_messages(stored, messages).await.unwrap());
    conversation_id
}

#[tokio::test]
async fn unranked_matches_follow_ranked_ones() {
    let dir = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&dir.path().join("webchat.db")).await.unwrap();
    let user_id = UserId::generate();
    let old = insert(&store, user_id, vec!["tide".to_owned()]).await;
    let long_text = format!("tide {}", "x".repeat(RANKING_SOURCE_BYTES));
    let new = insert(&store, user_id, vec![long_text; MESSAGES]).await;

    let query = SearchQuery::parse("tide");
    let found = store.search_conversations(user_id, &query, 10_000).await.unwrap();

    let ids: Vec<_> = found.iter().map(|(id, _)| *id).collect();
    assert_eq!(ids, [new, old]);
    assert!(found[0].1 > 0.0);
    assert_eq!(found[1].1.to_bits(), 0.0_f64.to_bits(), "the old match was ranked");
}
