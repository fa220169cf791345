//! Contract tests of [`Erasures`].
#![expect(missing_docs, reason = "the test names describe the contract")]

use futures_util::future::join;
use webchat_domain::{
    Account, AccountRole, ApiKey, ApiKeyId, ApiKeySecret, AuditAction, Conversation,
    ConversationId, ErasedCounts, Erasure, ErasureId, Identity, IdentityKey, NewMessage, UserId,
    UserSettings, UtcDay,
};

use super::audit::content;
use super::create;
use super::groups::{create_in, groups};
use crate::testing::fixtures::moment;
use crate::{
    AccountUpdate, Accounts, ApiKeys, Append, AuditFilter, AuditLog, ConversationTransfer,
    Conversations, Erasures, Identities, RequestErasureOutcome, StoredConversation, TokenBudgets,
    TokenLimit, TokenScope, UpdateAccountOutcome, UserActivity, UserSettingsStore,
};

/// Runs the tests of [`Erasures`](crate::Erasures).
#[macro_export]
macro_rules! erasures_contract {
    ($open:path) => {
        mod erasures_contract {
            $crate::contract_tests!(
                $open,
                $crate::testing::accounts::erasures,
                [
                    an_erasure_disables_the_account_and_is_recorded,
                    an_erasure_is_requested_once,
                    a_completed_erasure_is_repeated_with_its_counts_for_its_user_only,
                    one_of_two_concurrent_erasures_of_administrators_is_refused,
                    an_account_that_is_being_erased_cannot_be_changed,
                    an_incomplete_erasure_is_leased_to_one_caller_at_a_time,
                    no_conversation_is_stored_for_an_erased_user,
                    what_is_stored_is_counted_and_erased_and_others_keep_theirs,
                    erasures_are_listed_and_the_old_ones_removed,
                ]
            );
        }
    };
}

fn erasure_of(user_id: UserId) -> Erasure {
    let (erasure_id, requested_at) = (ErasureId::generate(), moment(5));
    Erasure { erasure_id, user_id, requested_at, completed_at: None, counts: None }
}

async fn request(store: &dyn Erasures, user_id: UserId) -> Erasure {
    let erasure = erasure_of(user_id);
    let outcome = store.request_erasure(erasure.clone(), true, None).await.unwrap();
    assert_eq!(outcome, RequestErasureOutcome::Requested);
    erasure
}

pub async fn an_erasure_disables_the_account_and_is_recorded(
    store: &(impl Accounts + Erasures + AuditLog),
) {
    let alice = create(store, "alice", AccountRole::User).await;
    let erasure = erasure_of(alice.user_id);
    let action = AuditAction::AccountErased { erasure_id: erasure.erasure_id };

    let audit = Some(content(5, action.clone()));
    let requested = store.request_erasure(erasure.clone(), true, audit).await.unwrap();

    assert_eq!(requested, RequestErasureOutcome::Requested);
    let found = Accounts::find(store, alice.user_id).await.unwrap().unwrap();
    assert_eq!(found.disabled_at, Some(erasure.requested_at));
    assert_ne!(found.version, alice.version, "the sessions end");
    assert_eq!(store.find_erasure(erasure.erasure_id).await.unwrap(), Some(erasure));
    assert_eq!(store.find_erasure(ErasureId::generate()).await.unwrap(), None);
    assert!(store.is_erased(alice.user_id).await.unwrap());
    assert!(!store.is_erased(UserId::generate()).await.unwrap());
    let entries = AuditLog::list(store, AuditFilter::default(), None, 9).await.unwrap();
    assert_eq!(entries.into_iter().map(|entry| entry.content.action).collect::<Vec<_>>(), [action]);
}

pub async fn an_erasure_is_requested_once(store: &(impl Accounts + Erasures + AuditLog)) {
    let alice = create(store, "alice", AccountRole::User).await;
    let erasure = request(store, alice.user_id).await;
    let absent = UserId::generate();
    let audit = || Some(content(5, AuditAction::AccountDisabled));

    let again = store.request_erasure(erasure_of(alice.user_id), true, audit()).await.unwrap();
    let same = store.request_erasure(erasure.clone(), false, audit()).await.unwrap();
    let unknown = store.request_erasure(erasure_of(absent), true, audit()).await.unwrap();
    let without_account = store.request_erasure(erasure_of(absent), false, None).await.unwrap();

    assert_eq!(again, RequestErasureOutcome::Exists(erasure.clone()));
    assert_eq!(same, RequestErasureOutcome::Exists(erasure));
    assert_eq!(unknown, RequestErasureOutcome::NotFound);
    assert_eq!(without_account, RequestErasureOutcome::Requested);
    assert_eq!(AuditLog::list(store, AuditFilter::default(), None, 9).await.unwrap(), []);
}

pub async fn a_completed_erasure_is_repeated_with_its_counts_for_its_user_only(
    store: &(impl Accounts + Erasures + AuditLog),
) {
    let alice = create(store, "alice", AccountRole::User).await;
    let counts = Some(ErasedCounts { messages: 7, ..ErasedCounts::default() });
    let completed = Erasure { completed_at: Some(moment(8)), counts, ..erasure_of(alice.user_id) };
    store.put_erasure(completed.clone()).await.unwrap();
    let requested = Erasure { completed_at: None, counts: None, ..completed.clone() };
    let of_another = Erasure { user_id: UserId::generate(), ..requested.clone() };
    let action = AuditAction::AccountErased { erasure_id: completed.erasure_id };
    let audit = || Some(content(9, action.clone()));

    let refused = store.request_erasure(of_another, false, audit()).await.unwrap();
    let repeated = store.request_erasure(requested.clone(), false, audit()).await.unwrap();
    let again = store.request_erasure(requested, false, audit()).await.unwrap();
    let leased = store.lease_erasure(moment(10), moment(20)).await.unwrap();

    let incomplete = Erasure { completed_at: None, ..completed };
    assert_eq!(refused, RequestErasureOutcome::OfAnotherUser);
    assert_eq!(repeated, RequestErasureOutcome::Repeated(incomplete.clone()));
    assert_eq!(again, RequestErasureOutcome::Exists(incomplete.clone()));
    assert_eq!(leased, Some(incomplete));
    let found = Accounts::find(store, alice.user_id).await.unwrap().unwrap();
    assert_eq!(found.disabled_at, Some(moment(5)), "nobody can sign in");
    let entries = AuditLog::list(store, AuditFilter::default(), None, 9).await.unwrap();
    assert_eq!(entries.len(), 1, "only the change is recorded");
}

pub async fn one_of_two_concurrent_erasures_of_administrators_is_refused(
    store: &(impl Accounts + Erasures),
) {
    let ada = create(store, "ada", AccountRole::Admin).await;
    let bob = create(store, "bob", AccountRole::Admin).await;

    let request = |user_id| store.request_erasure(erasure_of(user_id), true, None);
    let (of_ada, of_bob) = join(request(ada.user_id), request(bob.user_id)).await;

    let outcomes = [of_ada.unwrap(), of_bob.unwrap()];
    assert!(outcomes.contains(&RequestErasureOutcome::Requested), "{outcomes:?}");
    assert!(outcomes.contains(&RequestErasureOutcome::LastAdmin), "{outcomes:?}");
}

pub async fn an_account_that_is_being_erased_cannot_be_changed(store: &(impl Accounts + Erasures)) {
    let alice = create(store, "alice", AccountRole::User).await;
    request(store, alice.user_id).await;
    let before = Accounts::find(store, alice.user_id).await.unwrap();

    let enable = AccountUpdate { disabled_at: Some(None), ..AccountUpdate::default() };
    let enabled = Accounts::update(store, alice.user_id, enable).await.unwrap();
    let adopted = store.adopt_user(alice.user_id, UserId::generate(), moment(6), None).await;

    assert_eq!(enabled, UpdateAccountOutcome::BeingErased);
    assert!(!adopted.unwrap());
    assert_eq!(Accounts::find(store, alice.user_id).await.unwrap(), before);
}

pub async fn an_incomplete_erasure_is_leased_to_one_caller_at_a_time(
    store: &(impl Accounts + Erasures),
) {
    let alice = create(store, "alice", AccountRole::User).await;
    let bob = create(store, "bob", AccountRole::User).await;
    let erasures = [request(store, alice.user_id).await, request(store, bob.user_id).await];
    let lease = async |now| {
        let leased = store.lease_erasure(moment(now), moment(now + 10)).await.unwrap();
        leased.map(|erasure| erasure.erasure_id)
    };
    let [first, second] = erasures.map(|erasure| erasure.erasure_id);

    let leased = [lease(10).await, lease(10).await, lease(15).await];
    store.extend_erasure_lease(first, moment(40)).await.unwrap();
    let expired = [lease(20).await, lease(20).await];
    for (id, now) in [(first, 50), (second, 50), (first, 60)] {
        store.complete_erasure(id, moment(now)).await.unwrap();
    }

    assert_eq!(leased, [Some(first), Some(second), None]);
    assert_eq!(expired, [Some(second), None]);
    assert_eq!(lease(99).await, None);
    let completed = store.find_erasure(first).await.unwrap().unwrap();
    assert_eq!(completed.completed_at, Some(moment(50)));
}

pub async fn no_conversation_is_stored_for_an_erased_user(
    store: &(impl Accounts + Erasures + Conversations + ConversationTransfer),
) {
    let alice = create(store, "alice", AccountRole::User).await;
    let erasure = request(store, alice.user_id).await;
    let id = ConversationId::generate();
    let stored = StoredConversation {
        user_id: alice.user_id,
        conversation: Conversation {
            conversation_id: id,
            title: None,
            created_at: moment(1),
            updated_at: moment(1),
            message_count: 0,
            total_tokens: 0,
            archived: false,
        },
        head: None,
        last_position: 0,
        context: webchat_domain::Context::default(),
    };

    let created = Conversations::create(store, alice.user_id, id, moment(6)).await.unwrap();
    let inserted = store.insert_with_messages(stored.clone(), Vec::new()).await.unwrap();
    store.erase_stored(alice.user_id).await.unwrap();
    store.complete_erasure(erasure.erasure_id, moment(7)).await.unwrap();
    let created_later = Conversations::create(store, alice.user_id, id, moment(8)).await.unwrap();
    let inserted_later = store.insert_with_messages(stored, Vec::new()).await.unwrap();
    let of_another = Conversations::create(store, UserId::generate(), id, moment(9)).await.unwrap();

    assert_eq!((created, inserted), (None, false));
    assert_eq!((created_later, inserted_later), (None, false));
    assert!(of_another.is_some());
}

pub async fn what_is_stored_is_counted_and_erased_and_others_keep_theirs<S>(store: &S)
where
    S: Accounts + Erasures + Conversations + ApiKeys + Identities,
    S: UserSettingsStore + UserActivity + TokenBudgets,
{
    let day = moment(1).day();
    let alice = create_in(store, "alice", &["research"]).await;
    let bob = create_in(store, "bob", &["research"]).await;
    for account in [&alice, &bob] {
        store_everything(store, account, day).await;
    }

    let counted = store.count_stored(alice.user_id).await.unwrap();
    let erasure = request(store, alice.user_id).await;
    store.set_erased_counts(erasure.erasure_id, counted).await.unwrap();
    store.set_erased_counts(erasure.erasure_id, ErasedCounts::default()).await.unwrap();
    let (filter, order) = (crate::ArchiveFilter::All, crate::ListOrder::Created);
    let listed = Conversations::list(store, alice.user_id, filter, order, None, 9).await.unwrap();
    for conversation in listed.items {
        let id = conversation.conversation_id;
        assert!(Conversations::delete(store, alice.user_id, id).await.unwrap());
    }
    for _ in 0..2 {
        store.erase_stored(alice.user_id).await.unwrap();
        store.overwrite_erased().await.unwrap();
    }

    let expected = ErasedCounts {
        conversations: 2,
        messages: 2,
        files: 0,
        saved_files: 0,
        api_keys: 1,
        identities: 1,
    };
    let receipt = store.find_erasure(erasure.erasure_id).await.unwrap().unwrap();
    assert_eq!((counted, receipt.counts), (expected, Some(expected)));
    assert_eq!(Accounts::find(store, alice.user_id).await.unwrap(), None);
    assert_eq!(store.count_stored(alice.user_id).await.unwrap(), ErasedCounts::default());
    assert_eq!(store.count_stored(bob.user_id).await.unwrap(), expected);
    let tokens = async |user_id| store.used_tokens(day, TokenScope::User(user_id)).await.unwrap();
    assert_eq!((tokens(alice.user_id).await, tokens(bob.user_id).await), (0, 10));
    let revision = async |user_id| store.user_settings(user_id).await.unwrap().revision;
    assert_eq!((revision(alice.user_id).await, revision(bob.user_id).await), (0, 1));
    assert_eq!(groups(store, "", None, 9).await, [("research".to_owned(), 1)]);
    assert_eq!(store.list_inactive(moment(99), 9).await.unwrap(), [bob.user_id]);
    assert!(Accounts::find(store, bob.user_id).await.unwrap().is_some());
}

/// Stores two conversations with a message each, and one of everything else.
async fn store_everything<S>(store: &S, Account { user_id, name, .. }: &Account, day: UtcDay)
where
    S: Conversations + ApiKeys + Identities + UserSettingsStore + UserActivity + TokenBudgets,
{
    let (user_id, now) = (*user_id, moment(1));
    for _ in 0..2 {
        let id = ConversationId::generate();
        Conversations::create(store, user_id, id, now).await.unwrap();
        let append = Append { messages: vec![NewMessage::fixture()], ..Append::default() };
        store.append(user_id, id, append, now).await.unwrap();
    }
    let key = ApiKey {
        key_id: ApiKeyId::generate(),
        user_id,
        name: "nightly report".parse().unwrap(),
        hash: ApiKeySecret::generate().unwrap().hash(),
        scopes: "read".parse().unwrap(),
        created_at: now,
        expires_at: None,
        last_used_at: None,
    };
    ApiKeys::create(store, key, None).await.unwrap();
    let key = IdentityKey { issuer: "https://a.example".to_owned(), subject: name.to_string() };
    let identity = Identity { key, user_id, granted_role: None, created_at: now };
    store.link_identity(identity, None).await.unwrap().unwrap();
    let settings = UserSettings::default();
    assert!(store.replace_user_settings(user_id, settings, 0, now).await.unwrap());
    store.record_activity(user_id, now, now).await.unwrap();
    let limits = vec![TokenLimit { scope: TokenScope::User(user_id), max: 100 }];
    store.reserve(day, limits, 10).await.unwrap();
}

pub async fn erasures_are_listed_and_the_old_ones_removed(store: &dyn Erasures) {
    let mut erasures = Vec::new();
    for completed in 10..13 {
        let completed_at = Some(moment(completed));
        let counts = Some(ErasedCounts { messages: 7, ..ErasedCounts::default() });
        let erasure = Erasure { completed_at, counts, ..erasure_of(UserId::generate()) };
        store.put_erasure(erasure.clone()).await.unwrap();
        store.put_erasure(Erasure { counts: None, ..erasure.clone() }).await.unwrap();
        erasures.insert(0, erasure);
    }
    let incomplete = erasure_of(UserId::generate());
    store.put_erasure(incomplete.clone()).await.unwrap();
    erasures.insert(0, incomplete.clone());

    let first = store.list_erasures(None, 2).await.unwrap();
    let rest = store.list_erasures(Some(first[1].erasure_id), 9).await.unwrap();
    store.remove_erasures_before(moment(12)).await.unwrap();

    assert_eq!([first, rest].concat(), erasures);
    assert_eq!(store.list_erasures(None, 9).await.unwrap(), [incomplete, erasures[1].clone()]);
}
