//! A contract test of the bytes that [`ConversationTransfer`] counts.
#![expect(missing_docs, reason = "the test names describe the contract")]

use std::time::Duration;

use tokio::time::{sleep, timeout};
use webchat_domain::UserId;

use crate::testing::fixtures::{id_of, sample};
use crate::{ConversationTransfer, Conversations};

pub async fn stored_bytes_count_only_the_conversations_of_the_user<S>(store: &S)
where
    S: Conversations + ConversationTransfer,
{
    let (conversation, messages) = sample();
    let (user_id, id) = (conversation.user_id, id_of(&conversation));
    let texts: usize = messages.iter().map(|stored| stored.message.content.len()).sum();
    store.insert_with_messages(conversation, messages).await.unwrap();

    let own_bytes = store.stored_bytes_of(user_id).await.unwrap();
    let strangers_bytes = store.stored_bytes_of(UserId::generate()).await.unwrap();
    let all_bytes = store.stored_bytes().await.unwrap();
    store.delete(user_id, id).await.unwrap();
    let wait_until_freed = async {
        while store.stored_bytes_of(user_id).await.unwrap() > 0 {
            sleep(Duration::from_millis(10)).await;
        }
    };
    let freed = timeout(Duration::from_secs(30), wait_until_freed).await;

    assert!(own_bytes > u64::try_from(texts).unwrap(), "{own_bytes}");
    assert_eq!(strangers_bytes, 0);
    assert!(all_bytes > 0);
    assert!(freed.is_ok(), "the bytes of a deleted conversation still count");
}
