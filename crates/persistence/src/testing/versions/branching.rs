//! Contract tests of appending another version of a message.
#![expect(missing_docs, reason = "the test names describe the contract")]

use futures_util::future::join_all;
use webchat_domain::{ClientMessageId, MessageId, TurnId, UserId};

use super::harness::{
    TestConversation, lease, question_version_of, question_with_answer, version_of_message,
};
use crate::testing::fixtures::{full_context, moment, question, unwrap_stored};
use crate::{Append, AppendOutcome, Contexts, Conversations, SelectOutcome};

pub async fn a_version_replaces_a_message_and_all_that_follow_it<S>(store: &S)
where
    S: Conversations + Contexts,
{
    let chat = TestConversation::with(store, &["q1", "a1", "q2", "a2"]).await;
    let [_, a1, q2, _] = chat.messages().await.try_into().unwrap();

    let (conversation, versions) = unwrap_stored(chat.append(question_version_of(&q2, "q3")).await);
    chat.append(Append { messages: vec![question("q4")], ..Append::default() }).await;

    assert_eq!((versions[0].parent_id, versions[0].position), (Some(a1.message_id), 5));
    assert_eq!((conversation.message_count, conversation.total_tokens), (4, 4 * 7));
    assert_eq!(chat.texts().await, ["q1", "a1", "q3", "a of q3", "q4"]);
    let visible = chat.messages().await;
    let positions: Vec<_> = visible.iter().map(|message| message.position).collect();
    assert_eq!(positions, [1, 2, 5, 6, 7]);
    assert_eq!(visible[4].parent_id, Some(visible[3].message_id));
}

pub async fn a_version_of_the_first_message_starts_another_path<S>(store: &S)
where
    S: Conversations + Contexts,
{
    let chat = TestConversation::with(store, &["q1", "a1", "q2"]).await;
    let q1 = chat.messages().await.remove(0);

    let (conversation, versions) = unwrap_stored(chat.append(question_version_of(&q1, "q3")).await);

    assert_eq!(versions[0].parent_id, None);
    assert_eq!((conversation.message_count, conversation.total_tokens), (2, 2 * 7));
    assert_eq!(chat.texts().await, ["q3", "a of q3"]);
}

pub async fn a_version_of_a_hidden_message_shows_its_path<S>(store: &S)
where
    S: Conversations + Contexts,
{
    let chat = TestConversation::with(store, &["q1", "a1", "q2", "a2"]).await;
    let [q1, _, _, a2] = chat.messages().await.try_into().unwrap();
    chat.append(question_version_of(&q1, "q3")).await;

    let (conversation, _) = unwrap_stored(chat.append(version_of_message(&a2, "a2 again")).await);

    assert_eq!(chat.texts().await, ["q1", "a1", "q2", "a2 again"]);
    assert_eq!((conversation.message_count, conversation.total_tokens), (4, 4 * 7));
}

pub async fn the_preconditions_of_an_append_apply_to_a_version<S>(store: &S)
where
    S: Conversations + Contexts,
{
    let chat = TestConversation::with(store, &["q1", "a1"]).await;
    let [_, a1] = chat.messages().await.try_into().unwrap();
    let again =
        || Append { turn: Some(lease(TurnId::generate())), ..version_of_message(&a1, "again") };
    let conflicting = Append { expected_position: Some(1), ..again() };
    let unknown = Append { version_of: Some(MessageId::generate()), ..again() };

    assert_eq!(chat.append(conflicting).await, AppendOutcome::Conflict { position: 2 });
    assert_eq!(chat.append(unknown).await, AppendOutcome::NotFound);
    let by_other_user =
        store.append(UserId::generate(), chat.id, again(), moment(0)).await.unwrap();
    assert_eq!(by_other_user, AppendOutcome::NotFound);
    assert_eq!(chat.texts().await, ["q1", "a1"]);

    let outcomes = join_all((0..10).map(|_| chat.append(again()))).await;

    let stored = outcomes.iter().filter(|outcome| matches!(outcome, AppendOutcome::Stored { .. }));
    let rejected = outcomes.iter().filter(|outcome| **outcome == AppendOutcome::TurnInProgress);
    assert_eq!((stored.count(), rejected.count()), (1, 9));
    assert_eq!(chat.texts().await, ["q1", "again"]);
}

pub async fn the_expected_position_is_compared_with_the_visible_path<S>(store: &S)
where
    S: Conversations + Contexts,
{
    let chat = TestConversation::with(store, &["q1", "a1"]).await;
    let [_, a1] = chat.messages().await.try_into().unwrap();
    chat.append(version_of_message(&a1, "again")).await;
    chat.select(a1.message_id).await;
    let expecting = |position| Append {
        messages: vec![question("q2")],
        expected_position: Some(position),
        ..Append::default()
    };

    assert_eq!(chat.append(expecting(3)).await, AppendOutcome::Conflict { position: 2 });
    unwrap_stored(chat.append(expecting(2)).await);
    store.reset(chat.user_id, chat.id, moment(1)).await.unwrap();
    assert_eq!(chat.append(expecting(4)).await, AppendOutcome::Conflict { position: 0 });
    unwrap_stored(chat.append(expecting(0)).await);
}

pub async fn a_version_with_a_duplicate_client_message_id_returns_the_first_result<S>(store: &S)
where
    S: Conversations + Contexts,
{
    let chat = TestConversation::with(store, &[]).await;
    let with_client_message_id = |append, client_id: &str| Append {
        client_message_id: ClientMessageId::try_from(client_id.to_owned()).ok(),
        ..append
    };
    let first = with_client_message_id(question_with_answer("q1"), "c1");
    let [q1, a1] = unwrap_stored(chat.append(first.clone()).await).1.try_into().unwrap();
    let again = with_client_message_id(version_of_message(&a1, "again"), "c2");
    let a2 = unwrap_stored(chat.append(again.clone()).await).1.remove(0);

    assert_eq!(chat.append(again).await, AppendOutcome::Duplicate(vec![q1.clone(), a2]));
    assert_eq!(chat.append(first).await, AppendOutcome::Duplicate(vec![q1, a1]));
    assert_eq!(chat.texts().await, ["q1", "again"]);
}

pub async fn a_summary_is_dropped_if_a_message_it_covers_is_hidden<S>(store: &S)
where
    S: Conversations + Contexts,
{
    let chat = TestConversation::with(store, &["q1", "a1", "q2", "a2"]).await;
    let [_, a1, q2, _] = chat.messages().await.try_into().unwrap();
    let mut context = full_context();
    if let Some(summary) = &mut context.summary {
        summary.through = a1.position;
    }
    store.replace_context(chat.user_id, chat.id, context.clone(), 0).await.unwrap();

    chat.append(question_version_of(&q2, "q3")).await;
    let after_later_version = store.context(chat.user_id, chat.id).await.unwrap().unwrap();
    chat.append(version_of_message(&a1, "again")).await;
    let after_covered_version = store.context(chat.user_id, chat.id).await.unwrap().unwrap();

    assert_eq!(after_later_version.context, context);
    assert!(after_later_version.revision > 1, "a summary of the old path would not conflict");
    context.summary = None;
    assert_eq!(after_covered_version.context, context);
    assert!(after_covered_version.revision > after_later_version.revision);
}

pub async fn a_reset_removes_all_versions<S>(store: &S)
where
    S: Conversations + Contexts,
{
    let chat = TestConversation::with(store, &["q1", "a1"]).await;
    let [q1, a1] = chat.messages().await.try_into().unwrap();
    let a2 = unwrap_stored(chat.append(version_of_message(&a1, "again")).await).1.remove(0);
    store.reset(chat.user_id, chat.id, moment(1)).await.unwrap();
    let new = unwrap_stored(chat.append(question_with_answer("new")).await).1.remove(0);

    let children = store.children(chat.user_id, chat.id, vec![None]).await.unwrap();
    let child_ids: Vec<_> = children.iter().map(|child| child.message_id).collect();
    assert_eq!(child_ids, [new.message_id]);
    for removed in [&q1, &a1, &a2] {
        assert_eq!(chat.select(removed.message_id).await, SelectOutcome::NotFound);
        let outcome = chat.append(version_of_message(removed, "another version")).await;
        assert_eq!(outcome, AppendOutcome::NotFound);
        assert_eq!(store.message(chat.user_id, chat.id, removed.message_id).await.unwrap(), None);
    }
    assert_eq!(chat.texts().await, ["new", "a of new"]);
}
