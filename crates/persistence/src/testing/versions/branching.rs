//! Appending another version of a message.
#![expect(missing_docs, reason = "the name states the promise")]

use futures_util::future::join_all;
use webchat_domain::{ClientMessageId, MessageId, TurnId, UserId};

use super::harness::{
    TestConversation, claim, question_version_of, question_with_answer, version_of_message,
};
use crate::testing::fixtures::{full_context, moment, question, stored};
use crate::{Append, AppendOutcome, Contexts, Conversations, SelectOutcome};

pub async fn a_version_replaces_a_message_and_all_that_follow<S>(store: &S)
where
    S: Conversations + Contexts,
{
    let chat = TestConversation::with(store, &["q1", "a1", "q2", "a2"]).await;
    let [_, a1, q2, _] = chat.messages().await.try_into().unwrap();

    let (conversation, versions) = stored(chat.append(question_version_of(&q2, "q3")).await);
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

    let (conversation, versions) = stored(chat.append(question_version_of(&q1, "q3")).await);

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

    let (conversation, _) = stored(chat.append(version_of_message(&a2, "a2 again")).await);

    assert_eq!(chat.texts().await, ["q1", "a1", "q2", "a2 again"]);
    assert_eq!((conversation.message_count, conversation.total_tokens), (4, 4 * 7));
}

pub async fn a_version_has_the_preconditions_of_an_append<S>(store: &S)
where
    S: Conversations + Contexts,
{
    let chat = TestConversation::with(store, &["q1", "a1"]).await;
    let [_, a1] = chat.messages().await.try_into().unwrap();
    let again =
        || Append { turn: Some(claim(TurnId::generate())), ..version_of_message(&a1, "again") };
    let conflicting = Append { expected_position: Some(1), ..again() };
    let unknown = Append { version_of: Some(MessageId::generate()), ..again() };

    assert_eq!(chat.append(conflicting).await, AppendOutcome::Conflict { position: 2 });
    assert_eq!(chat.append(unknown).await, AppendOutcome::NotFound);
    let foreign = store.append(UserId::generate(), chat.id, again(), moment(0)).await.unwrap();
    assert_eq!(foreign, AppendOutcome::NotFound);
    assert_eq!(chat.texts().await, ["q1", "a1"]);

    let outcomes = join_all((0..10).map(|_| chat.append(again()))).await;

    let stored = outcomes.iter().filter(|outcome| matches!(outcome, AppendOutcome::Stored { .. }));
    let refused = outcomes.iter().filter(|outcome| **outcome == AppendOutcome::TurnInProgress);
    assert_eq!((stored.count(), refused.count()), (1, 9));
    assert_eq!(chat.texts().await, ["q1", "again"]);
}

pub async fn the_expected_position_is_that_of_the_visible_path<S>(store: &S)
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
    stored(chat.append(expecting(2)).await);
    store.reset(chat.user_id, chat.id, moment(1)).await.unwrap();
    assert_eq!(chat.append(expecting(4)).await, AppendOutcome::Conflict { position: 0 });
    stored(chat.append(expecting(0)).await);
}

pub async fn a_version_with_a_duplicate_client_message_id_returns_the_first_result<S>(store: &S)
where
    S: Conversations + Contexts,
{
    let chat = TestConversation::with(store, &[]).await;
    let named = |append, name: &str| Append {
        client_message_id: ClientMessageId::try_from(name.to_owned()).ok(),
        ..append
    };
    let first = named(question_with_answer("q1"), "c1");
    let [q1, a1] = stored(chat.append(first.clone()).await).1.try_into().unwrap();
    let again = named(version_of_message(&a1, "again"), "c2");
    let a2 = stored(chat.append(again.clone()).await).1.remove(0);

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
    let after_it = store.context(chat.user_id, chat.id).await.unwrap().unwrap();
    chat.append(version_of_message(&a1, "again")).await;
    let within_it = store.context(chat.user_id, chat.id).await.unwrap().unwrap();

    assert_eq!(after_it.context, context);
    assert!(after_it.revision > 1, "a summary made from the old path must conflict");
    context.summary = None;
    assert_eq!(within_it.context, context);
    assert!(within_it.revision > after_it.revision);
}

pub async fn a_reset_removes_all_versions<S>(store: &S)
where
    S: Conversations + Contexts,
{
    let chat = TestConversation::with(store, &["q1", "a1"]).await;
    let [q1, a1] = chat.messages().await.try_into().unwrap();
    let a2 = stored(chat.append(version_of_message(&a1, "again")).await).1.remove(0);
    store.reset(chat.user_id, chat.id, moment(1)).await.unwrap();
    let new = stored(chat.append(question_with_answer("new")).await).1.remove(0);

    let first = store.children(chat.user_id, chat.id, vec![None]).await.unwrap();

    assert_eq!(first.iter().map(|one| one.message_id).collect::<Vec<_>>(), [new.message_id]);
    for gone in [&q1, &a1, &a2] {
        assert_eq!(chat.select(gone.message_id).await, SelectOutcome::NotFound);
        assert_eq!(chat.append(version_of_message(gone, "back?")).await, AppendOutcome::NotFound);
        assert_eq!(store.message(chat.user_id, chat.id, gone.message_id).await.unwrap(), None);
    }
    assert_eq!(chat.texts().await, ["new", "a of new"]);
}
