//! Contract tests of [`UserActivity`].
#![expect(missing_docs, reason = "the test names describe the contract")]

use webchat_domain::{ConversationId, UserId};

use super::fixtures::moment;
use crate::{Conversations, UserActivity};

/// Records one new user as active at each of these times.
async fn record_active_users(store: &dyn UserActivity, seconds: &[i64]) -> Vec<UserId> {
    let mut users = Vec::new();
    for &second in seconds {
        let user_id = UserId::generate();
        store.record_activity(user_id, moment(second), moment(second)).await.unwrap();
        users.push(user_id);
    }
    users
}

pub async fn users_are_inactive_after_their_last_recorded_activity(store: &dyn UserActivity) {
    let users = record_active_users(store, &[3, 1, 2]).await;

    assert_eq!(store.list_inactive(moment(1), 10).await.unwrap(), []);
    assert_eq!(store.list_inactive(moment(3), 10).await.unwrap(), [users[1], users[2]]);
    assert_eq!(store.list_inactive(moment(4), 1).await.unwrap(), [users[1]]);
}

pub async fn recent_activity_is_not_recorded_again(store: &dyn UserActivity) {
    let users = record_active_users(store, &[10]).await;

    store.record_activity(users[0], moment(12), moment(9)).await.unwrap();
    let unchanged = store.list_inactive(moment(11), 10).await.unwrap();
    store.record_activity(users[0], moment(12), moment(10)).await.unwrap();
    store.record_activity(users[0], moment(5), moment(20)).await.unwrap();

    assert_eq!(unchanged, users);
    assert_eq!(
        store.list_inactive(moment(12), 10).await.unwrap(),
        [],
        "an earlier time replaced a later one"
    );
    assert_eq!(store.list_inactive(moment(13), 10).await.unwrap(), users);
}

pub async fn users_with_conversations_and_no_record_are_recorded_as_active<S>(store: &S)
where
    S: UserActivity + Conversations,
{
    let (unknown, known) = (UserId::generate(), record_active_users(store, &[1]).await[0]);
    for user_id in [unknown, known] {
        store.create(user_id, ConversationId::generate(), moment(0)).await.unwrap();
    }

    store.add_missing_records(moment(5)).await.unwrap();

    assert_eq!(store.list_inactive(moment(5), 10).await.unwrap(), [known]);
    assert_eq!(store.list_inactive(moment(6), 10).await.unwrap(), [known, unknown]);
}

pub async fn the_record_of_a_user_who_returned_is_kept(store: &dyn UserActivity) {
    let users = record_active_users(store, &[1, 1]).await;
    store.record_activity(users[0], moment(9), moment(5)).await.unwrap();

    for &user_id in &users {
        store.delete_record_if_inactive(user_id, moment(5)).await.unwrap();
    }

    assert_eq!(store.list_inactive(moment(10), 10).await.unwrap(), [users[0]]);
}
