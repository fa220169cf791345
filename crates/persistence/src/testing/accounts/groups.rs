//! Contract tests of the groups of accounts.
#![expect(missing_docs, reason = "the test names describe the contract")]

use std::collections::BTreeSet;

use futures_util::future::join_all;
use webchat_domain::{
    Account, AccountGroups, AccountRole, AuditAction, GroupName, GroupNames, GroupSource, Identity,
    IdentityKey, UserId,
};

use super::audit::content;
use super::{account, create};
use crate::testing::moment;
use crate::{
    AccountFilter, AccountUpdate, Accounts, AuditLog, CreateAccountOutcome, Group, GroupUpdate,
    Identities, UpdateAccountOutcome,
};

fn names(texts: &[&str]) -> GroupNames {
    let names: BTreeSet<GroupName> = texts.iter().map(|text| text.parse().unwrap()).collect();
    names.try_into().unwrap()
}

fn provider() -> GroupSource {
    GroupSource::Provider("https://a.example".to_owned())
}

fn update(source: GroupSource, expected: &[&str], new: &[&str]) -> AccountUpdate {
    let (expected, names) = (names(expected), names(new));
    let groups = Some(GroupUpdate { source, expected, names });
    AccountUpdate { groups, ..AccountUpdate::default() }
}

/// Stores an account with groups that were given by hand.
pub(super) async fn create_in(store: &dyn Accounts, name: &str, groups: &[&str]) -> Account {
    let mut account = account(name, AccountRole::User);
    account.groups.set(GroupSource::Manual, names(groups));
    let outcome = store.create(account.clone(), None).await.unwrap();
    assert_eq!(outcome, CreateAccountOutcome::Created);
    account
}

async fn members(store: &dyn Accounts, filter: AccountFilter, after: Option<&str>) -> Vec<String> {
    let after = after.map(|name| name.parse().unwrap());
    let listed = store.list(filter, after, 3).await.unwrap();
    listed.into_iter().map(|account| account.name.to_string()).collect()
}

fn in_group(name: &str) -> AccountFilter {
    AccountFilter { group: Some(name.parse().unwrap()), ..AccountFilter::default() }
}

pub(super) async fn groups(
    store: &dyn Accounts,
    prefix: &str,
    after: Option<&str>,
    max: u32,
) -> Vec<(String, u64)> {
    let after = after.map(|name| name.parse().unwrap());
    let listed = store.list_groups(prefix.to_owned(), after, max).await.unwrap();
    listed.into_iter().map(|Group { name, members }| (name.into(), members)).collect()
}

pub async fn groups_of_different_sources_are_kept_apart(store: &dyn Accounts) {
    let alice = create_in(store, "alice", &["staff", "research"]).await;

    let change = update(provider(), &[], &["staff", "law"]);
    store.update(alice.user_id, change).await.unwrap();
    let change = update(GroupSource::Manual, &["staff", "research"], &[]);
    let outcome = store.update(alice.user_id, change).await.unwrap();

    let mut expected = AccountGroups::default();
    expected.set(provider(), names(&["staff", "law"]));
    let expected = Account { groups: expected, ..alice.clone() };
    assert_eq!(outcome, UpdateAccountOutcome::Updated(expected.clone()));
    assert_eq!(store.find(alice.user_id).await.unwrap(), Some(expected.clone()));
    assert_eq!(store.find_by_name(alice.name).await.unwrap(), Some(expected));
    assert_eq!(members(store, in_group("staff"), None).await, ["alice"]);
    assert_eq!(members(store, in_group("research"), None).await, [""; 0]);
}

pub async fn only_one_of_several_concurrent_changes_of_groups_succeeds(store: &dyn Accounts) {
    let alice = create_in(store, "alice", &["staff"]).await;
    let added: Vec<_> = (0..6).map(|number| number.to_string()).collect();

    let updates = added.iter().map(|group| {
        let change = update(GroupSource::Manual, &["staff"], &["staff", group]);
        store.update(alice.user_id, change)
    });
    let outcomes: Vec<_> = join_all(updates).await.into_iter().map(Result::unwrap).collect();

    let is_refused = |outcome: &&UpdateAccountOutcome| **outcome == UpdateAccountOutcome::Changed;
    assert_eq!(outcomes.iter().filter(is_refused).count(), 5, "{outcomes:?}");
    let stored = store.find(alice.user_id).await.unwrap().unwrap();
    assert_eq!(stored.groups.names().len(), 2);
    assert_eq!(groups(store, "", None, 10).await.len(), 2);
}

pub async fn other_changes_keep_the_groups(store: &(impl Accounts + Identities)) {
    let alice = create_in(store, "alice", &["staff"]).await;
    let anonymous = UserId::generate();

    let adopted = store.adopt_user(alice.user_id, anonymous, moment(2), None).await.unwrap();
    let role = AccountUpdate { role: Some(AccountRole::Auditor), ..AccountUpdate::default() };
    store.update(anonymous, role).await.unwrap();
    let key = IdentityKey { issuer: "https://a.example".to_owned(), subject: "1".to_owned() };
    let identity = Identity { key, user_id: anonymous, granted_role: None, created_at: moment(3) };
    store.link_identity(identity, None).await.unwrap();

    let stored = store.find(anonymous).await.unwrap().unwrap();
    assert!(adopted);
    assert_eq!(stored.groups, alice.groups);
    assert_eq!(members(store, in_group("staff"), None).await, ["alice"]);
}

pub async fn accounts_are_listed_by_group_and_page(store: &dyn Accounts) {
    for name in ["dora", "carol", "bob", "alan", "ada"] {
        create_in(store, name, &["staff"]).await;
    }
    create(store, "erin", AccountRole::User).await;
    create_in(store, "frank", &["Staff", "staff2"]).await;
    let change = update(provider(), &[], &["staff"]);
    let ada = store.find_by_name("ada".parse().unwrap()).await.unwrap().unwrap();
    store.update(ada.user_id, change).await.unwrap();
    let disable = AccountUpdate { disabled_at: Some(Some(moment(2))), ..AccountUpdate::default() };
    let auditor = AccountUpdate { role: Some(AccountRole::Auditor), ..AccountUpdate::default() };
    store
        .update(ada.user_id, AccountUpdate { disabled_at: disable.disabled_at, ..auditor })
        .await
        .unwrap();
    let staff = in_group("staff");

    assert_eq!(members(store, staff.clone(), None).await, ["ada", "alan", "bob"]);
    assert_eq!(members(store, staff.clone(), Some("bob")).await, ["carol", "dora"]);
    let with_prefix = AccountFilter { prefix: "a".to_owned(), ..staff.clone() };
    assert_eq!(members(store, with_prefix.clone(), None).await, ["ada", "alan"]);
    assert_eq!(members(store, with_prefix, Some("ada")).await, ["alan"]);
    for (role, is_disabled, expected) in [
        (Some(AccountRole::Auditor), None, vec!["ada"]),
        (Some(AccountRole::User), None, vec!["alan", "bob", "carol"]),
        (None, Some(true), vec!["ada"]),
        (None, Some(false), vec!["alan", "bob", "carol"]),
        (Some(AccountRole::User), Some(true), vec![]),
        (Some(AccountRole::Auditor), Some(true), vec!["ada"]),
    ] {
        let filter = AccountFilter { role, is_disabled, ..staff.clone() };
        assert_eq!(members(store, filter, None).await, expected, "{role:?} {is_disabled:?}");
    }
    assert_eq!(members(store, in_group("nobody"), None).await, [""; 0]);
}

pub async fn groups_are_listed_with_their_members_by_prefix_and_page(store: &dyn Accounts) {
    create_in(store, "alice", &["law", "staff", "st_x"]).await;
    let bob = create_in(store, "bob", &["staff"]).await;
    create_in(store, "carol", &["st%", "zoé"]).await;
    let change = update(provider(), &[], &["staff", "law"]);
    store.update(bob.user_id, change).await.unwrap();
    let of = |pairs: &[(&str, u64)]| -> Vec<(String, u64)> {
        pairs.iter().map(|(name, members)| ((*name).to_owned(), *members)).collect()
    };

    let all = [("law", 2), ("st%", 1), ("st_x", 1), ("staff", 2), ("zoé", 1)];
    assert_eq!(groups(store, "", None, 10).await, of(&all));
    assert_eq!(groups(store, "", Some("law"), 2).await, of(&all[1..3]));
    assert_eq!(groups(store, "st", None, 10).await, of(&all[1..4]));
    assert_eq!(groups(store, "st_", None, 10).await, of(&all[2..3]), "`_` is not a wildcard");
    assert_eq!(groups(store, "st", Some("st_x"), 10).await, of(&all[3..4]));
    assert_eq!(groups(store, "x", None, 10).await, []);
}

pub async fn a_change_of_groups_and_its_audit_entry_are_stored_together_or_not_at_all(
    store: &(impl Accounts + AuditLog),
) {
    let alice = create_in(store, "alice", &["staff"]).await;
    let action = AuditAction::GroupsChanged {
        source: GroupSource::Manual,
        added: names(&["law"]),
        removed: names(&["staff"]),
    };

    for number in [1, 2] {
        let audit = Some(content(number, action.clone()));
        let change = update(GroupSource::Manual, &["staff"], &["law"]);
        store.update(alice.user_id, AccountUpdate { audit, ..change }).await.unwrap();
    }

    let entries = store.read_from(1, 10).await.unwrap();
    assert_eq!(entries.len(), 1, "the second change was refused: {entries:?}");
    assert_eq!(entries[0].content.action, action);
}
