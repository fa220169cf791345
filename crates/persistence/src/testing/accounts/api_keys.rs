//! Contract tests of [`ApiKeys`].
#![expect(missing_docs, reason = "the test names describe the contract")]

use webchat_domain::{ApiKey, ApiKeyId, ApiKeySecret, UserId};

use crate::ApiKeys;
use crate::testing::moment;

pub(super) fn key(user_id: UserId) -> ApiKey {
    ApiKey {
        key_id: ApiKeyId::generate(),
        user_id,
        name: "nightly report".parse().unwrap(),
        hash: ApiKeySecret::generate().unwrap().hash(),
        scopes: "read,export".parse().unwrap(),
        created_at: moment(1),
        expires_at: Some(moment(9)),
        last_used_at: None,
    }
}

async fn create(store: &dyn ApiKeys, user_id: UserId) -> ApiKey {
    let key = key(user_id);
    store.create(key.clone(), None).await.unwrap();
    key
}

pub async fn a_created_key_is_found_by_its_hash(store: &dyn ApiKeys) {
    let key = create(store, UserId::generate()).await;
    let unlimited = ApiKey { expires_at: None, ..self::key(UserId::generate()) };
    store.create(unlimited.clone(), None).await.unwrap();
    store.create(key.clone(), None).await.unwrap();

    assert_eq!(store.find_by_hash(key.hash).await.unwrap(), Some(key));
    assert_eq!(store.find_by_hash(unlimited.hash).await.unwrap(), Some(unlimited));
    let other = ApiKeySecret::generate().unwrap();
    assert_eq!(store.find_by_hash(other.hash()).await.unwrap(), None);
}

pub async fn the_keys_of_a_user_are_listed_newest_first(store: &dyn ApiKeys) {
    let (alice, bob) = (UserId::generate(), UserId::generate());
    let (first, second) = (create(store, alice).await, create(store, alice).await);
    create(store, bob).await;

    assert_eq!(store.list(alice).await.unwrap(), [second, first]);
    assert_eq!(store.list(UserId::generate()).await.unwrap(), []);
}

pub async fn a_deleted_key_is_not_found_and_only_its_user_deletes_it(store: &dyn ApiKeys) {
    let (alice, bob) = (UserId::generate(), UserId::generate());
    let key = create(store, alice).await;

    assert!(!store.delete(bob, key.key_id, None).await.unwrap());
    assert!(store.find_by_hash(key.hash).await.unwrap().is_some());
    assert!(store.delete(alice, key.key_id, None).await.unwrap());
    assert!(!store.delete(alice, key.key_id, None).await.unwrap());
    assert_eq!(store.find_by_hash(key.hash).await.unwrap(), None);
    assert_eq!(store.list(alice).await.unwrap(), []);
}

pub async fn the_last_use_of_a_key_is_recorded(store: &dyn ApiKeys) {
    let key = create(store, UserId::generate()).await;

    store.record_use(key.key_id, moment(5)).await.unwrap();
    store.record_use(ApiKeyId::generate(), moment(5)).await.unwrap();

    let used = ApiKey { last_used_at: Some(moment(5)), ..key };
    assert_eq!(store.find_by_hash(used.hash).await.unwrap(), Some(used));
}
