//! Contract tests of [`Accounts`].
#![expect(missing_docs, reason = "the test names describe the contract")]

mod contracts;

pub mod api_keys;
pub mod audit;
pub mod erasures;
pub mod groups;
pub mod identities;

use futures_util::future::join_all;
use webchat_domain::{
    Account, AccountGroups, AccountName, AccountRole, ConversationId, PasswordHash, UserId,
};

use super::fixtures::moment;
use crate::{
    AccountFilter, AccountUpdate, Accounts, Conversations, CreateAccountOutcome, NewPassword,
    UpdateAccountOutcome,
};

fn account(name: &str, role: AccountRole) -> Account {
    Account {
        user_id: UserId::generate(),
        name: name.parse().unwrap(),
        role,
        groups: AccountGroups::default(),
        password: Some(PasswordHash::new("$argon2id$v=19$hash".to_owned())),
        must_change_password: true,
        version: 0,
        created_at: moment(1),
        disabled_at: None,
        signed_in_at: None,
        has_had_key: false,
    }
}

async fn create(store: &dyn Accounts, name: &str, role: AccountRole) -> Account {
    let account = account(name, role);
    let outcome = store.create(account.clone(), None).await.unwrap();
    assert_eq!(outcome, CreateAccountOutcome::Created);
    account
}

async fn names(store: &dyn Accounts, prefix: &str, after: Option<&str>, max: u32) -> Vec<String> {
    let after = after.map(|name| name.parse().unwrap());
    let filter = AccountFilter { prefix: prefix.to_owned(), ..AccountFilter::default() };
    let listed = store.list(filter, after, max).await.unwrap();
    listed.into_iter().map(|account| account.name.to_string()).collect()
}

pub async fn a_created_account_is_found_by_user_and_by_name(store: &dyn Accounts) {
    let alice = create(store, "Alice", AccountRole::Admin).await;
    let without_password = Account { password: None, ..account("bob", AccountRole::User) };
    store.create(without_password.clone(), None).await.unwrap();

    let found = store.find(alice.user_id).await.unwrap();
    let found_by_name = store.find_by_name("ALICE".parse().unwrap()).await.unwrap();

    assert_eq!(found, Some(alice.clone()));
    assert_eq!(found_by_name, Some(alice));
    assert_eq!(store.find(without_password.user_id).await.unwrap(), Some(without_password));
    assert_eq!(store.find(UserId::generate()).await.unwrap(), None);
    assert_eq!(store.find_by_name("carol".parse().unwrap()).await.unwrap(), None);
}

pub async fn only_one_of_several_concurrent_accounts_gets_a_name(store: &dyn Accounts) {
    let accounts = [(); 8].map(|()| account("alice", AccountRole::User));

    let outcomes =
        join_all(accounts.iter().map(|account| store.create(account.clone(), None))).await;

    let created: Vec<&Account> = accounts
        .iter()
        .zip(outcomes)
        .filter(|(_, outcome)| *outcome.as_ref().unwrap() == CreateAccountOutcome::Created)
        .map(|(account, _)| account)
        .collect();
    let stored = store.find_by_name("alice".parse().unwrap()).await.unwrap();
    assert_eq!(created.len(), 1);
    assert_eq!(stored.as_ref(), created.first().copied());
}

pub async fn accounts_are_listed_by_name_prefix_and_page(store: &dyn Accounts) {
    for name in ["carol", "al", "bob", "alice", "al_x", "alzoé"] {
        create(store, name, AccountRole::User).await;
    }

    assert_eq!(names(store, "", None, 3).await, ["al", "al_x", "alice"]);
    assert_eq!(names(store, "", Some("alice"), 10).await, ["alzoé", "bob", "carol"]);
    assert_eq!(names(store, "al", None, 10).await, ["al", "al_x", "alice", "alzoé"]);
    assert_eq!(names(store, "al_", None, 10).await, ["al_x"], "`_` is not a wildcard");
    assert_eq!(names(store, "%", None, 10).await, [""; 0]);
    assert_eq!(names(store, "al", Some("al_x"), 1).await, ["alice"]);
}

pub async fn accounts_are_listed_by_role_and_state(store: &dyn Accounts) {
    create(store, "ada", AccountRole::Admin).await;
    create(store, "alan", AccountRole::User).await;
    let bob = create(store, "bob", AccountRole::Auditor).await;
    let carol = create(store, "carol", AccountRole::User).await;
    let disable = AccountUpdate { disabled_at: Some(Some(moment(2))), ..AccountUpdate::default() };
    for disabled in [&bob, &carol] {
        store.update(disabled.user_id, disable.clone()).await.unwrap();
    }
    let names = async |prefix: &str, role, is_disabled, after: Option<&str>| {
        let filter = AccountFilter { prefix: prefix.to_owned(), role, is_disabled, group: None };
        let after = after.map(|name| name.parse().unwrap());
        let listed = store.list(filter, after, 10).await.unwrap();
        listed.iter().map(|account| account.name.to_string()).collect::<Vec<_>>()
    };

    assert_eq!(names("", Some(AccountRole::User), None, None).await, ["alan", "carol"]);
    assert_eq!(names("", None, Some(true), None).await, ["bob", "carol"]);
    assert_eq!(names("", None, Some(true), Some("bob")).await, ["carol"]);
    assert_eq!(names("", None, Some(false), None).await, ["ada", "alan"]);
    assert_eq!(names("a", Some(AccountRole::User), Some(false), None).await, ["alan"]);
    assert_eq!(names("", Some(AccountRole::Admin), Some(true), None).await, [""; 0]);
}

pub async fn an_update_changes_only_what_it_names(store: &dyn Accounts) {
    create(store, "admin", AccountRole::Admin).await;
    let alice = create(store, "alice", AccountRole::User).await;
    let hash = PasswordHash::new("$argon2id$v=19$other".to_owned());

    let password = NewPassword { hash: hash.clone(), must_change: false };
    let update = AccountUpdate { password: Some(password), ..AccountUpdate::default() };
    let with_password = store.update(alice.user_id, update).await.unwrap();
    let update = AccountUpdate {
        role: Some(AccountRole::Admin),
        disabled_at: Some(Some(moment(5))),
        signed_in_at: Some(moment(4)),
        ..AccountUpdate::default()
    };
    store.update(alice.user_id, update).await.unwrap();
    let enable = AccountUpdate { disabled_at: Some(None), ..AccountUpdate::default() };
    let enabled = store.update(alice.user_id, enable).await.unwrap();

    let expected = Account { password: Some(hash), must_change_password: false, ..alice.clone() };
    assert_eq!(with_password, UpdateAccountOutcome::Updated(expected.clone()));
    let expected = Account { role: AccountRole::Admin, signed_in_at: Some(moment(4)), ..expected };
    assert_eq!(enabled, UpdateAccountOutcome::Updated(expected.clone()));
    assert_eq!(store.find(alice.user_id).await.unwrap(), Some(expected));
    let unknown = store.update(UserId::generate(), AccountUpdate::default()).await.unwrap();
    assert_eq!(unknown, UpdateAccountOutcome::NotFound);
}

pub async fn an_update_that_ends_the_sessions_changes_the_version(store: &dyn Accounts) {
    let alice = create(store, "alice", AccountRole::User).await;
    let end = AccountUpdate {
        ends_sessions: true,
        expected_version: Some(alice.version),
        ..AccountUpdate::default()
    };

    let updates = [(); 8].map(|()| store.update(alice.user_id, end.clone()));
    let outcomes = join_all(updates).await;

    let stored = store.find(alice.user_id).await.unwrap().unwrap();
    let is_changed = |outcome: &UpdateAccountOutcome| *outcome == UpdateAccountOutcome::Changed;
    let refused = outcomes.iter().filter(|outcome| is_changed(outcome.as_ref().unwrap())).count();
    assert_ne!(stored.version, alice.version);
    assert_eq!(refused, 7);
}

pub async fn an_administrator_without_a_password_who_has_signed_in_counts(store: &dyn Accounts) {
    let ada = create(store, "ada", AccountRole::Admin).await;
    let of_proxy = Account { password: None, ..account("bob", AccountRole::Admin) };
    store.create(of_proxy.clone(), None).await.unwrap();
    let sign_in = AccountUpdate { signed_in_at: Some(moment(2)), ..AccountUpdate::default() };
    store.update(of_proxy.user_id, sign_in).await.unwrap();

    let demote = AccountUpdate { role: Some(AccountRole::User), ..AccountUpdate::default() };
    let demoted = store.update(ada.user_id, demote).await.unwrap();

    assert!(matches!(demoted, UpdateAccountOutcome::Updated(_)), "{demoted:?}");
}

pub async fn only_an_account_that_nobody_has_used_adopts_an_anonymous_user(store: &dyn Accounts) {
    let alice = create(store, "alice", AccountRole::User).await;
    let bob = create(store, "bob", AccountRole::User).await;
    let anonymous = UserId::generate();

    let adopted = store.adopt_user(alice.user_id, anonymous, moment(2), None).await.unwrap();
    let again = store.adopt_user(anonymous, UserId::generate(), moment(3), None).await.unwrap();
    let taken = store.adopt_user(bob.user_id, anonymous, moment(3), None).await.unwrap();
    let signed_in = AccountUpdate { signed_in_at: Some(moment(2)), ..AccountUpdate::default() };
    store.update(bob.user_id, signed_in).await.unwrap();
    let used = store.adopt_user(bob.user_id, UserId::generate(), moment(3), None).await.unwrap();
    let robot = create(store, "robot", AccountRole::User).await;
    let add_key = AccountUpdate { adds_key: true, ..AccountUpdate::default() };
    store.update(robot.user_id, add_key).await.unwrap();
    let with_key =
        store.adopt_user(robot.user_id, UserId::generate(), moment(3), None).await.unwrap();

    assert_eq!((adopted, again, taken, used, with_key), (true, false, false, false, false));
    let robot = store.find(robot.user_id).await.unwrap().unwrap();
    assert!(robot.has_had_key && robot.is_used() && robot.signed_in_at.is_none());
    let expected = Account { user_id: anonymous, signed_in_at: Some(moment(2)), ..alice.clone() };
    assert_eq!(store.find(anonymous).await.unwrap(), Some(expected.clone()));
    assert_eq!(store.find_by_name(alice.name).await.unwrap(), Some(expected));
    assert_eq!(store.find(alice.user_id).await.unwrap(), None);
    assert!(store.find(bob.user_id).await.unwrap().is_some());
}

pub async fn an_account_with_conversations_adopts_no_other_user(
    store: &(impl Accounts + Conversations),
) {
    let alice = create(store, "alice", AccountRole::User).await;
    let id = ConversationId::generate();
    Conversations::create(store, alice.user_id, id, moment(1)).await.unwrap();

    let adopted =
        store.adopt_user(alice.user_id, UserId::generate(), moment(2), None).await.unwrap();

    assert!(!adopted);
    assert_eq!(Accounts::find(store, alice.user_id).await.unwrap(), Some(alice));
}

pub async fn the_last_active_admin_stays(store: &dyn Accounts) {
    let admins = [
        create(store, "alice", AccountRole::Admin).await,
        create(store, "bob", AccountRole::Admin).await,
        create(store, "carol", AccountRole::Admin).await,
    ];
    // Nobody can sign in with it, even if it has a key.
    let service = Account { password: None, ..account("robot", AccountRole::Admin) };
    store.create(service.clone(), None).await.unwrap();
    let add_key = AccountUpdate { adds_key: true, ..AccountUpdate::default() };
    store.update(service.user_id, add_key).await.unwrap();
    let removals = [
        AccountUpdate { role: Some(AccountRole::User), ..AccountUpdate::default() },
        AccountUpdate { disabled_at: Some(Some(moment(9))), ..AccountUpdate::default() },
        AccountUpdate { role: Some(AccountRole::User), ..AccountUpdate::default() },
    ];

    let updates = admins.iter().zip(&removals);
    let outcomes =
        join_all(updates.map(|(admin, removal)| store.update(admin.user_id, removal.clone())))
            .await;

    let refused = outcomes
        .into_iter()
        .filter(|outcome| *outcome.as_ref().unwrap() == UpdateAccountOutcome::LastAdmin)
        .count();
    let stored = store.list(AccountFilter::default(), None, 10).await.unwrap();
    assert_eq!(refused, 1);
    let can_sign_in = |account: &&Account| account.is_active_admin() && account.password.is_some();
    assert_eq!(stored.iter().filter(can_sign_in).count(), 1);
}

pub async fn names_are_compared_by_code_points(store: &dyn Accounts) {
    let name: AccountName = "zoé".parse().unwrap();
    create(store, "zoe", AccountRole::User).await;

    assert_eq!(store.find_by_name(name).await.unwrap(), None);
}
