//! Contract tests of [`ConversationTransfer`] for long conversations, which take several transactions.
#![expect(missing_docs, reason = "the test names describe the contract")]

use std::time::Duration;

use tokio::time::timeout;
use webchat_domain::{SearchQuery, UserId};

use super::user::{empty, numbered};
use crate::testing::fixtures::id_of;
use crate::{ArchiveFilter, ConversationTransfer, Conversations, ListOrder};
use crate::{StoredConversation, StoredMessage};

const MESSAGES: u32 = 3_000;

/// The maximum time until an inserted conversation is visible.
const TIMEOUT: Duration = Duration::from_mins(1);

fn long_conversation(user_id: UserId) -> (StoredConversation, Vec<StoredMessage>) {
    let mut conversation = empty(user_id, 0);
    let id = id_of(&conversation);
    conversation.last_position = MESSAGES.into();
    conversation.conversation.message_count = MESSAGES.into();
    (conversation, (1..=MESSAGES.into()).map(|position| numbered(id, position)).collect())
}

pub async fn a_conversation_is_hidden_until_it_is_complete<S>(store: &S)
where
    S: Conversations + ConversationTransfer,
{
    let user_id = UserId::generate();
    let (conversation, messages) = long_conversation(user_id);
    let id = id_of(&conversation);
    let query = SearchQuery::parse("number");
    let read_until_visible = async {
        let mut reads = 0;
        loop {
            let hits = store.search(user_id, &query, 1).await.unwrap();
            let (filter, order) = (ArchiveFilter::All, ListOrder::Created);
            let listed = store.list(user_id, filter, order, None, 9).await.unwrap().items;
            let found = store.messages_of(user_id, id, 0, MESSAGES).await.unwrap();
            let Some(found) = found else {
                assert_eq!(
                    (hits, listed),
                    (Vec::new(), Vec::new()),
                    "the incomplete conversation is visible"
                );
                reads += 1;
                continue;
            };
            return (reads, found);
        }
    };

    let insert = store.insert_with_messages(conversation, messages.clone());
    let (inserted, visible) = tokio::join!(insert, timeout(TIMEOUT, read_until_visible));

    assert!(inserted.unwrap());
    let (reads, found) = visible.expect("the conversation did not become visible");
    assert!(reads > 0, "there was no read during the insertion");
    assert_eq!(found, messages);
}

pub async fn a_long_conversation_is_deleted_immediately_and_can_be_inserted_again<S>(store: &S)
where
    S: Conversations + ConversationTransfer,
{
    let user_id = UserId::generate();
    let (conversation, messages) = long_conversation(user_id);
    let id = id_of(&conversation);
    store.insert_with_messages(conversation.clone(), messages.clone()).await.unwrap();

    assert!(store.delete(user_id, id).await.unwrap());

    let message_id = messages[0].message.message_id;
    let hits = store.search(user_id, &SearchQuery::parse("number"), 1).await.unwrap();
    assert_eq!(hits, []);
    assert_eq!(store.message(user_id, id, message_id).await.unwrap(), None);
    assert_eq!(store.messages_of(user_id, id, 0, 9).await.unwrap(), None);
    assert_eq!(store.children(user_id, id, vec![None]).await.unwrap(), []);
    assert!(!store.delete(user_id, id).await.unwrap());
    assert!(store.insert_with_messages(conversation, messages.clone()).await.unwrap());
    assert_eq!(store.messages_of(user_id, id, 0, MESSAGES).await.unwrap(), Some(messages));
}
