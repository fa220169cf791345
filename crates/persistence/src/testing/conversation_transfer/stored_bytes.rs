//! A contract test of the bytes that [`ConversationTransfer`] counts.
#![expect(missing_docs, reason = "the test names describe the contract")]

use std::time::Duration;

use tokio::time::{sleep, timeout};
use webchat_domain::{ConversationId, UserId};

use crate::testing::fixtures::{TEXT, id_of, moment, new_job, sample};
use crate::{ConversationTransfer, Conversations, FileJobs};

pub async fn stored_bytes_count_only_the_conversations_of_the_user<S>(store: &S)
where
    S: Conversations + ConversationTransfer,
{
    let (conversation, messages) = sample();
    let (user_id, id) = (conversation.user_id, id_of(&conversation));
    let texts: usize = messages.iter().map(|stored| stored.message.text_bytes()).sum();
    store.insert_with_messages(conversation, messages).await.unwrap();

    let own_bytes = store.stored_bytes_of(user_id).await.unwrap();
    let strangers_bytes = store.stored_bytes_of(UserId::generate()).await.unwrap();
    let all_bytes = store.stored_bytes().await.unwrap();
    store.delete(user_id, id).await.unwrap();

    assert!(own_bytes > u64::try_from(texts).unwrap(), "{own_bytes}");
    assert_eq!(strangers_bytes, 0);
    assert!(all_bytes > 0);
    assert_freed(store, user_id).await;
}

pub async fn stored_bytes_count_files_until_they_are_deleted<S>(store: &S)
where
    S: Conversations + ConversationTransfer + FileJobs,
{
    let (user_id, id) = (UserId::generate(), ConversationId::generate());
    store.create(user_id, id, moment(0)).await.unwrap();
    let bytes = || async { store.stored_bytes_of(user_id).await.unwrap() };
    let empty = bytes().await;
    let (first, second) = (new_job(id, 1), new_job(id, 2));
    let cancelled = first.job.job_id;
    store.create_job(user_id, first).await.unwrap();
    store.create_job(user_id, second).await.unwrap();

    let both = bytes().await;
    store.cancel_job(user_id, id, cancelled).await.unwrap();
    let one = bytes().await;
    store.delete(user_id, id).await.unwrap();

    let length = u64::try_from(TEXT.len()).unwrap();
    assert!(both >= empty + 2 * length, "{both}, {empty}");
    assert_eq!(one, both - length);
    assert_freed(store, user_id).await;
}

async fn assert_freed<S: ConversationTransfer>(store: &S, user_id: UserId) {
    let wait_until_freed = async {
        while store.stored_bytes_of(user_id).await.unwrap() > 0 {
            sleep(Duration::from_millis(10)).await;
        }
    };
    let freed = timeout(Duration::from_secs(30), wait_until_freed).await;
    assert!(freed.is_ok(), "the bytes of a deleted conversation still count");
}
