//! Contract tests of [`UserSettingsStore`].
#![expect(missing_docs, reason = "the test names describe the contract")]

use futures_util::future::join_all;
use webchat_domain::{SystemPrompt, UserId, UserSettings};

use super::fixtures::moment;
use crate::{StoredUserSettings, UserActivity, UserSettingsStore};

fn settings(text: &str) -> UserSettings {
    UserSettings { system_prompt: Some(SystemPrompt { text: text.to_owned(), token_count: 5 }) }
}

pub async fn settings_are_empty_until_they_are_replaced(store: &dyn UserSettingsStore) {
    let found = store.user_settings(UserId::generate()).await.unwrap();

    assert_eq!(found, StoredUserSettings::default());
}

pub async fn stored_settings_are_returned_unchanged_to_their_user_only(
    store: &dyn UserSettingsStore,
) {
    let (user_id, other) = (UserId::generate(), UserId::generate());
    let prompt = settings("Speak of tides. \0 \u{301}");

    assert!(store.replace_user_settings(user_id, prompt.clone(), 0, moment(0)).await.unwrap());
    let written = store.user_settings(user_id).await.unwrap();
    let empty = UserSettings::default();
    let is_replaced = store.replace_user_settings(user_id, empty, written.revision, moment(0));
    assert!(is_replaced.await.unwrap());
    let emptied = store.user_settings(user_id).await.unwrap();

    assert_eq!(written.settings, prompt);
    assert_eq!(emptied.settings, UserSettings::default());
    assert!(written.revision > 0 && emptied.revision > written.revision);
    assert_eq!(store.user_settings(other).await.unwrap(), StoredUserSettings::default());
}

pub async fn a_conflicting_revision_of_settings_changes_nothing(store: &dyn UserSettingsStore) {
    let user_id = UserId::generate();
    let early = store.replace_user_settings(user_id, settings("early"), 1, moment(0)).await;
    store.replace_user_settings(user_id, settings("first"), 0, moment(0)).await.unwrap();
    let first = store.user_settings(user_id).await.unwrap();

    for outdated in [0, first.revision + 1] {
        let second = settings("second");
        let replaced = store.replace_user_settings(user_id, second, outdated, moment(0)).await;
        assert!(!replaced.unwrap());
    }

    assert!(!early.unwrap());
    assert_eq!(first.settings, settings("first"));
    assert_eq!(store.user_settings(user_id).await.unwrap(), first);
}

pub async fn only_one_of_several_concurrent_settings_is_stored(store: &dyn UserSettingsStore) {
    let user_id = UserId::generate();

    let replacements =
        (0..10).map(|_| store.replace_user_settings(user_id, settings("one"), 0, moment(0)));
    let stored = join_all(replacements).await;

    let stored = stored.into_iter().map(Result::unwrap).filter(|is_stored| *is_stored);
    assert_eq!(stored.count(), 1);
}

pub async fn settings_do_not_change_when_the_user_was_last_active<S>(store: &S)
where
    S: UserSettingsStore + UserActivity,
{
    let (known, new) = (UserId::generate(), UserId::generate());
    store.record_activity(known, moment(1), moment(1)).await.unwrap();

    for user_id in [known, new] {
        store.replace_user_settings(user_id, settings("one"), 0, moment(5)).await.unwrap();
    }
    store.record_activity(new, moment(7), moment(6)).await.unwrap();

    assert_eq!(store.list_inactive(moment(5), 10).await.unwrap(), [known]);
    assert_eq!(store.list_inactive(moment(8), 10).await.unwrap(), [known, new]);
    assert_eq!(store.user_settings(new).await.unwrap().settings, settings("one"));
}

pub async fn settings_are_deleted_with_the_record_of_the_user<S>(store: &S)
where
    S: UserSettingsStore + UserActivity,
{
    let (inactive, active) = (UserId::generate(), UserId::generate());
    for (user_id, now) in [(inactive, moment(1)), (active, moment(9))] {
        store.replace_user_settings(user_id, settings("one"), 0, now).await.unwrap();
    }

    for user_id in [inactive, active] {
        store.delete_record_if_inactive(user_id, moment(5)).await.unwrap();
    }

    assert_eq!(store.user_settings(inactive).await.unwrap(), StoredUserSettings::default());
    assert_eq!(store.user_settings(active).await.unwrap().settings, settings("one"));
}

pub async fn the_settings_of_all_users_are_read_in_pages(store: &dyn UserSettingsStore) {
    let mut users: Vec<UserId> = (0..3).map(|_| UserId::generate()).collect();
    for user_id in &users {
        store.replace_user_settings(*user_id, settings("one"), 0, moment(0)).await.unwrap();
    }
    users.sort_unstable_by_key(ToString::to_string);

    let mut found = Vec::new();
    // Other tests may use the same store.
    while let page = store.user_settings_after(found.last().copied(), 2).await.unwrap()
        && !page.is_empty()
    {
        assert!(page.len() <= 2);
        found.extend(page.iter().map(|(user_id, _)| *user_id));
        let own = page.iter().filter(|(user_id, _)| users.contains(user_id));
        assert!(own.clone().all(|(_, found)| *found == settings("one")));
    }

    found.retain(|user_id| users.contains(user_id));
    assert_eq!(found, users);
}
