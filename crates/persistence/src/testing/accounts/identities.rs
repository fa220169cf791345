//! Contract tests of [`Identities`].
#![expect(missing_docs, reason = "the test names describe the contract")]

use futures_util::future::join_all;
use webchat_domain::{Account, AccountRole, AuditAction, Identity, IdentityKey, UserId};

use super::audit::content;
use super::{account, create};
use crate::testing::fixtures::moment;
use crate::{
    AccountFilter, AccountUpdate, Accounts, AuditLog, CreateWithIdentityOutcome, Identities,
};

fn identity(user_id: UserId, issuer: &str, subject: &str) -> Identity {
    let key = IdentityKey { issuer: issuer.to_owned(), subject: subject.to_owned() };
    Identity { key, user_id, granted_role: None, created_at: moment(3) }
}

fn new_account(name: &str, subject: &str) -> (Account, Identity) {
    let account = Account { signed_in_at: Some(moment(3)), ..account(name, AccountRole::User) };
    let identity = identity(account.user_id, "https://a.example", subject);
    (account, identity)
}

pub async fn an_account_is_created_with_an_identity(store: &(impl Accounts + Identities)) {
    let (account, identity) = new_account("alice", "1");
    let identity = Identity { granted_role: Some(AccountRole::Admin), ..identity };

    let outcome =
        store.create_with_identity(account.clone(), identity.clone(), None).await.unwrap();

    assert_eq!(outcome, CreateWithIdentityOutcome::Created);
    assert_eq!(store.find(account.user_id).await.unwrap(), Some(account));
    assert_eq!(store.find_identity(identity.key.clone()).await.unwrap(), Some(identity.clone()));
    assert_eq!(
        store.list_identities(identity.user_id).await.unwrap(),
        std::slice::from_ref(&identity)
    );
    let other_issuer =
        IdentityKey { issuer: "https://b.example".to_owned(), ..identity.key.clone() };
    let other_case = IdentityKey { issuer: "https://A.example".to_owned(), ..identity.key };
    for other in [other_issuer, other_case] {
        assert_eq!(store.find_identity(other).await.unwrap(), None);
    }
}

pub async fn an_account_and_an_identity_are_created_together_or_not_at_all(
    store: &(impl Accounts + Identities),
) {
    let (alice, of_alice) = new_account("alice", "1");
    store.create_with_identity(alice.clone(), of_alice.clone(), None).await.unwrap();
    let (bob, of_bob) = new_account("bob", "2");

    let same_identity =
        store.create_with_identity(bob.clone(), of_alice.clone(), None).await.unwrap();
    let same_name = Account { name: alice.name.clone(), ..bob.clone() };
    let same_name = store.create_with_identity(same_name, of_bob.clone(), None).await.unwrap();
    let same_user = Account { user_id: alice.user_id, ..bob.clone() };
    let same_user = store.create_with_identity(same_user, of_bob.clone(), None).await.unwrap();

    assert_eq!(same_identity, CreateWithIdentityOutcome::Exists(of_alice));
    assert_eq!(same_name, CreateWithIdentityOutcome::NameTaken);
    assert_eq!(same_user, CreateWithIdentityOutcome::UserTaken);
    assert_eq!(store.find_identity(of_bob.key).await.unwrap(), None);
    assert_eq!(store.find_by_name(bob.name).await.unwrap(), None);
    assert_eq!(store.find(alice.user_id).await.unwrap(), Some(alice));
}

pub async fn an_identity_and_its_audit_entry_are_stored_together_or_not_at_all(
    store: &(impl Accounts + Identities + AuditLog),
) {
    let (alice, of_alice) = new_account("alice", "1");
    let other = identity(alice.user_id, "https://b.example", "1");
    let audit = |number| Some(content(number, AuditAction::AccountEnabled));

    for number in [1, -1] {
        let create = store.create_with_identity(alice.clone(), of_alice.clone(), audit(number));
        create.await.unwrap();
    }
    for number in [2, -1] {
        store.link_identity(other.clone(), audit(number)).await.unwrap();
    }

    let entries = store.read_from(1, 10).await.unwrap();
    let times: Vec<_> = entries.iter().map(|entry| entry.content.at).collect();
    assert_eq!(times, [1, 2].map(moment));
}

pub async fn concurrent_first_sign_ins_create_one_account(store: &(impl Accounts + Identities)) {
    let accounts = [1, 2, 3, 4, 5, 6].map(|number| new_account(&format!("alice-{number}"), "1"));

    let created = accounts.iter().cloned();
    let created = join_all(
        created.map(|(account, identity)| store.create_with_identity(account, identity, None)),
    );
    let outcomes: Vec<_> = created.await.into_iter().map(Result::unwrap).collect();

    let stored = store.find_identity(accounts[0].1.key.clone()).await.unwrap().unwrap();
    let is_created =
        |outcome: &&CreateWithIdentityOutcome| **outcome == CreateWithIdentityOutcome::Created;
    assert_eq!(outcomes.iter().filter(is_created).count(), 1);
    let others = outcomes.iter().filter(|outcome| !is_created(outcome));
    assert!(
        others.clone().all(|other| *other == CreateWithIdentityOutcome::Exists(stored.clone()))
    );
    let listed = store.list(AccountFilter::default(), None, 10).await.unwrap();
    assert_eq!(listed.iter().map(|account| account.user_id).collect::<Vec<_>>(), [stored.user_id]);
}

pub async fn an_identity_is_linked_to_an_account_once(store: &(impl Accounts + Identities)) {
    let alice = create(store, "alice", AccountRole::User).await;
    let bob = create(store, "bob", AccountRole::User).await;
    let first = identity(alice.user_id, "https://a.example", "1");

    let linked = store.link_identity(first.clone(), None).await.unwrap();
    let by_bob =
        store.link_identity(Identity { user_id: bob.user_id, ..first.clone() }, None).await;
    let second_of_issuer = identity(alice.user_id, "https://a.example", "2");
    let second_of_issuer = store.link_identity(second_of_issuer, None).await.unwrap();
    let of_other_issuer = identity(alice.user_id, "https://b.example", "1");
    let of_other_issuer_linked = store.link_identity(of_other_issuer.clone(), None).await.unwrap();
    let of_nobody =
        store.link_identity(identity(UserId::generate(), "https://c.example", "1"), None);

    assert_eq!(linked, Some(first.clone()));
    assert_eq!(by_bob.unwrap(), Some(first.clone()));
    assert_eq!(second_of_issuer, None);
    assert_eq!(of_other_issuer_linked, Some(of_other_issuer.clone()));
    assert_eq!(of_nobody.await.unwrap(), None);
    assert_eq!(store.list_identities(alice.user_id).await.unwrap(), [first, of_other_issuer]);
    let used = store.find(alice.user_id).await.unwrap().unwrap();
    assert_eq!(used.signed_in_at, Some(moment(3)), "the account can't adopt another user any more");
    assert!(!store.adopt_user(alice.user_id, UserId::generate(), moment(4), None).await.unwrap());
}

pub async fn a_granted_role_is_recorded(store: &(impl Accounts + Identities)) {
    let (account, identity) = new_account("alice", "1");
    store.create_with_identity(account.clone(), identity.clone(), None).await.unwrap();
    let granted = async |role| {
        store.set_granted_role(identity.key.clone(), role).await.unwrap();
        store.find_identity(identity.key.clone()).await.unwrap().unwrap().granted_role
    };

    assert_eq!(granted(Some(AccountRole::Admin)).await, Some(AccountRole::Admin));
    assert_eq!(granted(None).await, None);
    let update = AccountUpdate { signed_in_at: Some(moment(9)), ..AccountUpdate::default() };
    store.update(account.user_id, update).await.unwrap();
    let identities = store.list_identities(account.user_id).await.unwrap();
    assert_eq!(identities, [identity], "a change of the account keeps the identity");
}
