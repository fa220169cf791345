//! Contract tests of [`AuditLog`].
#![expect(missing_docs, reason = "the test names describe the contract")]

use futures_util::future::join_all;
use webchat_domain::{
    AccessMethod, Account, AccountRole, Actor, AuditAction, AuditActionKind, AuditEntry, AuditLink,
    AuditResult, AuditSubject, NewAuditEntry, SignInFailure, UserId,
};

use super::account;
use super::api_keys::key;
use crate::testing::moment;
use crate::{
    AccountUpdate, Accounts, ApiKeys, AuditChain, AuditFilter, AuditLog, CreateAccountOutcome,
    UpdateAccountOutcome,
};

pub(super) fn content(offset: i64, action: AuditAction) -> NewAuditEntry {
    let at = moment(offset);
    NewAuditEntry { at, action, result: AuditResult::Done, actor: Actor::ANONYMOUS, subject: None }
}

fn full_content() -> NewAuditEntry {
    NewAuditEntry {
        at: moment(1),
        action: AuditAction::KeyAdded {
            key_id: key(UserId::generate()).key_id,
            scopes: "read,export".parse().unwrap(),
            expires_at: Some(moment(9)),
        },
        result: AuditResult::Refused,
        actor: Actor {
            user_id: Some(UserId::generate()),
            name: Some("Zoë".parse().unwrap()),
            via: AccessMethod::Proxy,
            address: Some("2001:db8::7".parse().unwrap()),
            request_id: Some("018f-4711".parse().unwrap()),
        },
        subject: Some(AuditSubject {
            user_id: UserId::generate(),
            name: Some("bob".parse().unwrap()),
        }),
    }
}

async fn all(store: &dyn AuditLog) -> Vec<AuditEntry> {
    store.read_from(1, 1_000).await.unwrap()
}

/// Checks that the entries form an unbroken chain between its ends.
async fn assert_unbroken(store: &dyn AuditLog) {
    let AuditChain { start, head } = store.chain().await.unwrap();
    let mut last = start;
    for entry in all(store).await {
        assert!(last.is_followed_by(&entry), "{entry:?} does not follow {last:?}");
        last = entry.link();
    }
    assert_eq!(last, head);
}

async fn append_many(store: &dyn AuditLog, count: i64) -> Vec<AuditEntry> {
    let mut entries = Vec::new();
    for offset in 0..count {
        entries.push(store.append(content(offset, AuditAction::SignOut)).await.unwrap());
    }
    entries
}

pub async fn appended_entries_are_returned_unchanged_and_in_order(store: &dyn AuditLog) {
    assert_eq!(store.chain().await.unwrap(), AuditChain::EMPTY);
    let first = store.append(full_content()).await.unwrap();
    let second = store.append(content(2, AuditAction::SignOut)).await.unwrap();
    let action =
        AuditAction::SignInFailed { reason: SignInFailure::AccountDisabled, omitted: 4_711 };
    let third = store.append(content(1, action)).await.unwrap();

    assert_eq!([first.number, second.number, third.number], [1, 2, 3]);
    assert_eq!(all(store).await, [first, second.clone(), third]);
    assert_eq!(store.read_from(2, 1).await.unwrap(), [second]);
    assert_unbroken(store).await;
}

pub async fn twenty_concurrent_entries_form_an_unbroken_chain(store: &dyn AuditLog) {
    let appends = (0..20).map(|offset| store.append(content(offset, AuditAction::SignIn)));

    for appended in join_all(appends).await {
        appended.unwrap();
    }

    assert_eq!(all(store).await.len(), 20);
    assert_unbroken(store).await;
}

pub async fn entries_are_listed_by_filter_and_page_newest_first(store: &dyn AuditLog) {
    let full = store.append(full_content()).await.unwrap();
    append_many(store, 5).await;
    let list = async |filter: AuditFilter, before, max| -> Vec<u64> {
        let listed = store.list(filter, before, max).await.unwrap();
        listed.iter().map(|entry| entry.number).collect()
    };
    let by_user =
        |name: &str| AuditFilter { user: Some(name.parse().unwrap()), ..AuditFilter::default() };

    assert_eq!(list(AuditFilter::default(), None, 4).await, [6, 5, 4, 3]);
    assert_eq!(list(AuditFilter::default(), Some(3), 4).await, [2, 1]);
    assert_eq!(list(by_user("zoë"), None, 9).await, [1], "the actor");
    assert_eq!(list(by_user("bob"), None, 9).await, [1], "the subject");
    assert_eq!(list(by_user("carol"), None, 9).await, [0; 0]);
    let action = Some(AuditActionKind::KeyAdded);
    assert_eq!(list(AuditFilter { action, ..AuditFilter::default() }, None, 9).await, [1]);
    let period = AuditFilter {
        from: Some(moment(1)),
        until: Some(moment(3)),
        action: Some(AuditActionKind::SignOut),
        ..AuditFilter::default()
    };
    assert_eq!(list(period.clone(), None, 9).await, [4, 3]);
    assert_eq!(list(AuditFilter { user: by_user("bob").user, ..period }, None, 9).await, [0; 0]);
    assert_eq!(store.list(by_user("bob"), Some(2), 9).await.unwrap(), [full]);
}

pub async fn removing_old_entries_keeps_the_chain_unbroken(store: &dyn AuditLog) {
    let entries = append_many(store, 6).await;

    assert_eq!(store.remove_before(moment(0), 10).await.unwrap(), 0);
    assert_eq!(store.remove_before(moment(3), 2).await.unwrap(), 2);
    assert_eq!(store.remove_before(moment(3), 2).await.unwrap(), 1);
    let kept = all(store).await;
    assert_unbroken(store).await;
    assert_eq!(store.remove_before(moment(99), 10).await.unwrap(), 3);

    assert_eq!(kept, entries[3..]);
    let last = entries[5].link();
    assert_eq!(store.chain().await.unwrap(), AuditChain { start: last, head: last });
    assert_eq!(store.append(content(0, AuditAction::SignIn)).await.unwrap().number, 7);
    assert_unbroken(store).await;
}

pub async fn a_change_and_its_entry_are_stored_together_or_not_at_all(
    store: &(impl Accounts + ApiKeys + AuditLog),
) {
    let alice = account("alice", AccountRole::Admin);
    let audit = |number: i64| Some(content(number, AuditAction::AccountEnabled));
    let update = |audit, role| AccountUpdate { role: Some(role), audit, ..Default::default() };
    let key = key(alice.user_id);

    let created = Accounts::create(store, alice.clone(), audit(1)).await.unwrap();
    let twin = Account { user_id: UserId::generate(), ..alice.clone() };
    let taken = Accounts::create(store, twin, audit(-1)).await.unwrap();
    let last_admin = update(audit(-1), AccountRole::User);
    let last_admin = Accounts::update(store, alice.user_id, last_admin).await.unwrap();
    let unknown = update(audit(-1), AccountRole::User);
    let unknown = Accounts::update(store, UserId::generate(), unknown).await.unwrap();
    let outdated = update(audit(-1), AccountRole::Admin);
    let outdated = AccountUpdate { expected_version: Some(9), ..outdated };
    let outdated = Accounts::update(store, alice.user_id, outdated).await.unwrap();
    let updated = update(audit(2), AccountRole::Admin);
    Accounts::update(store, alice.user_id, updated).await.unwrap();
    let adopted = UserId::generate();
    assert!(store.adopt_user(alice.user_id, adopted, moment(3), audit(3)).await.unwrap());
    assert!(!store.adopt_user(adopted, alice.user_id, moment(3), audit(-1)).await.unwrap());
    ApiKeys::create(store, key.clone(), audit(4)).await.unwrap();
    ApiKeys::create(store, key.clone(), audit(-1)).await.unwrap();
    assert!(!ApiKeys::delete(store, adopted, key.key_id, audit(-1)).await.unwrap());
    assert!(ApiKeys::delete(store, alice.user_id, key.key_id, audit(5)).await.unwrap());

    assert_eq!(created, CreateAccountOutcome::Created);
    assert_eq!(taken, CreateAccountOutcome::NameTaken);
    let refused = [UpdateAccountOutcome::LastAdmin, UpdateAccountOutcome::NotFound];
    assert_eq!([last_admin, unknown], refused);
    assert_eq!(outdated, UpdateAccountOutcome::Changed);
    let times: Vec<_> = all(store).await.iter().map(|entry| entry.content.at).collect();
    assert_eq!(times, [1, 2, 3, 4, 5].map(moment));
    assert_unbroken(store).await;
}

pub async fn entries_of_another_store_are_inserted_unchanged_if_they_follow(store: &dyn AuditLog) {
    let mut last = AuditLink { number: 40, ..AuditLink::START };
    let others: Vec<AuditEntry> = (0..6)
        .map(|offset| {
            let entry = last.next_entry(content(offset, AuditAction::SignOut));
            last = entry.link();
            entry
        })
        .collect();
    let start = AuditLink { number: 40, ..AuditLink::START };

    assert!(store.insert(start, others[..3].to_vec()).await.unwrap());
    assert!(!store.insert(start, others[..3].to_vec()).await.unwrap());
    assert!(!store.insert(others[3].link(), others[4..].to_vec()).await.unwrap());
    assert!(store.insert(others[2].link(), others[3..].to_vec()).await.unwrap());

    assert_eq!(all(store).await, others);
    assert_eq!(store.chain().await.unwrap(), AuditChain { start, head: others[5].link() });
    assert_eq!(store.append(content(0, AuditAction::SignIn)).await.unwrap().number, 47);
    assert_unbroken(store).await;
}
