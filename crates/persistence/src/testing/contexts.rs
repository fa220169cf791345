//! Contract tests of [`Contexts`].
#![expect(missing_docs, reason = "the test names describe the contract")]

use futures_util::future::join_all;
use webchat_domain::{Context, ConversationId, FewShotExample, SearchQuery, UserId};

use super::fixtures::{full_context, moment, question};
use crate::{Append, Contexts, Conversations, ReplaceContextOutcome, StoredContext};

pub async fn a_context_is_empty_until_it_is_replaced<S: Conversations + Contexts>(store: &S) {
    let (user_id, id) = start(store).await;

    assert_eq!(store.context(user_id, id).await.unwrap(), Some(StoredContext::default()));
}

pub async fn a_stored_context_is_returned_unchanged<S: Conversations + Contexts>(store: &S) {
    let (user_id, id) = start(store).await;

    let first = revision(store.replace_context(user_id, id, full_context(), 0).await.unwrap());
    let written = store.context(user_id, id).await.unwrap().unwrap();
    let emptied = store.replace_context(user_id, id, Context::default(), first).await.unwrap();

    assert_eq!(written, StoredContext { context: full_context(), revision: first });
    assert!(first > 0 && revision(emptied) > first);
    let found = store.context(user_id, id).await.unwrap().unwrap();
    assert_eq!(found.context, Context::default());
}

pub async fn a_conflicting_revision_changes_nothing<S: Conversations + Contexts>(store: &S) {
    let (user_id, id) = start(store).await;
    let written = store.replace_context(user_id, id, full_context(), 0).await.unwrap();
    let current = revision(written);

    for outdated in [0, current + 1] {
        let outcome = store.replace_context(user_id, id, Context::default(), outdated).await;
        assert_eq!(outcome.unwrap(), ReplaceContextOutcome::Conflict);
    }

    let found = store.context(user_id, id).await.unwrap().unwrap();
    assert_eq!(found, StoredContext { context: full_context(), revision: current });
}

pub async fn only_one_of_several_concurrent_replacements_is_stored<S: Conversations + Contexts>(
    store: &S,
) {
    let (user_id, id) = start(store).await;

    let replacements = (0..10).map(|_| store.replace_context(user_id, id, full_context(), 0));
    let outcomes = join_all(replacements).await;

    let stored = outcomes.into_iter().filter(|outcome| {
        matches!(outcome.as_ref().unwrap(), ReplaceContextOutcome::Stored { .. })
    });
    assert_eq!(stored.count(), 1);
}

pub async fn another_user_can_neither_read_nor_change_a_context<S: Conversations + Contexts>(
    store: &S,
) {
    let (user_id, id) = start(store).await;
    let other = UserId::generate();

    let outcome = store.replace_context(other, id, full_context(), 0).await.unwrap();

    assert_eq!(outcome, ReplaceContextOutcome::NotFound);
    assert_eq!(store.context(other, id).await.unwrap(), None);
    assert_eq!(store.context(user_id, id).await.unwrap(), Some(StoredContext::default()));
}

pub async fn a_context_is_removed_with_its_conversation<S: Conversations + Contexts>(store: &S) {
    let (user_id, id) = start(store).await;
    store.replace_context(user_id, id, full_context(), 0).await.unwrap();

    store.reset(user_id, id, moment(1)).await.unwrap();

    let after_reset = store.context(user_id, id).await.unwrap().unwrap();
    assert_eq!(after_reset.context, Context::default());
    let replaced = store.replace_context(user_id, id, full_context(), after_reset.revision).await;
    assert!(matches!(replaced.unwrap(), ReplaceContextOutcome::Stored { .. }));
    store.delete(user_id, id).await.unwrap();
    assert_eq!(store.context(user_id, id).await.unwrap(), None);
}

pub async fn a_search_for_conversations_finds_few_shot_examples<S: Conversations + Contexts>(
    store: &S,
) {
    let (user_id, with_message) = start(store).await;
    let tide = Append { messages: vec![question("a neap tide")], ..Append::default() };
    store.append(user_id, with_message, tide, moment(0)).await.unwrap();
    let with_example = ConversationId::generate();
    store.create(user_id, with_example, moment(1)).await.unwrap();
    let example = FewShotExample {
        user_prompt: "Why two tides?".to_owned(),
        assistant_response: "The moon.".to_owned(),
        ..full_context().examples[0].clone()
    };
    let context = Context { examples: vec![example], ..Context::default() };
    store.replace_context(user_id, with_example, context.clone(), 0).await.unwrap();
    store.replace_context(user_id, with_message, context, 0).await.unwrap();

    let both = found(store, user_id, "tide").await;
    let by_phrase = found(store, user_id, "\"two tides\"").await;
    let excluded = found(store, user_id, "tide -two").await;
    let by_other = found(store, UserId::generate(), "tide").await;
    store.reset(user_id, with_example, moment(2)).await.unwrap();
    store.delete(user_id, with_message).await.unwrap();

    assert_eq!(
        both,
        [with_message, with_example],
        "conversations with a matching message come first"
    );
    assert_eq!(by_phrase, [with_example, with_message], "the newest conversation comes first");
    assert_eq!(excluded, [with_message]);
    assert_eq!(by_other, []);
    assert_eq!(found(store, user_id, "tide").await, []);
}

pub async fn only_one_compaction_lease_is_held_at_a_time<S: Conversations + Contexts>(store: &S) {
    let (_, id) = start(store).await;
    let until = moment(100);

    let concurrent =
        join_all((0..10).map(|_| store.acquire_compaction_lease(id, moment(0), until))).await;
    let early = store.acquire_compaction_lease(id, moment(99), moment(200)).await.unwrap();
    store.release_compaction_lease(id, until).await.unwrap();
    let after_release = store.acquire_compaction_lease(id, moment(99), moment(200)).await.unwrap();
    let unknown =
        store.acquire_compaction_lease(ConversationId::generate(), moment(0), until).await;

    let acquired = concurrent.into_iter().map(Result::unwrap).filter(|is_acquired| *is_acquired);
    assert_eq!(acquired.count(), 1);
    assert!(!early);
    assert!(after_release);
    assert!(!unknown.unwrap());
}

pub async fn an_expired_compaction_lease_does_not_release_another_one<
    S: Conversations + Contexts,
>(
    store: &S,
) {
    let (_, id) = start(store).await;

    assert!(store.acquire_compaction_lease(id, moment(0), moment(100)).await.unwrap());
    assert!(store.acquire_compaction_lease(id, moment(100), moment(200)).await.unwrap());
    store.release_compaction_lease(id, moment(100)).await.unwrap();

    assert!(!store.acquire_compaction_lease(id, moment(150), moment(250)).await.unwrap());
}

pub async fn a_compaction_lease_is_renewed_by_its_holder_only<S: Conversations + Contexts>(
    store: &S,
) {
    let (_, id) = start(store).await;
    assert!(store.acquire_compaction_lease(id, moment(0), moment(100)).await.unwrap());

    let renewed = store.renew_compaction_lease(id, moment(100), moment(200)).await.unwrap();
    let early = store.acquire_compaction_lease(id, moment(150), moment(250)).await.unwrap();
    let after_expiry = store.acquire_compaction_lease(id, moment(200), moment(300)).await.unwrap();
    let late = store.renew_compaction_lease(id, moment(200), moment(400)).await.unwrap();
    store.release_compaction_lease(id, moment(300)).await.unwrap();
    let released = store.renew_compaction_lease(id, moment(300), moment(400)).await.unwrap();

    assert_eq!([renewed, early, after_expiry, late, released], [true, false, true, false, false]);
}

async fn found<S: Conversations>(store: &S, user_id: UserId, query: &str) -> Vec<ConversationId> {
    let query = SearchQuery::parse(query);
    let found = store.search_conversations(user_id, &query, 10).await.unwrap();
    found.into_iter().map(|(id, _)| id).collect()
}

async fn start<S: Conversations + Contexts>(store: &S) -> (UserId, ConversationId) {
    let (user_id, id) = (UserId::generate(), ConversationId::generate());
    store.create(user_id, id, moment(0)).await.unwrap();
    (user_id, id)
}

fn revision(outcome: ReplaceContextOutcome) -> u64 {
    match outcome {
        ReplaceContextOutcome::Stored { revision } => revision,
        other => panic!("not stored: {other:?}"),
    }
}
