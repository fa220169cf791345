//! Contract tests of continuing an answer.
#![expect(missing_docs, reason = "the test names describe the contract")]

use webchat_domain::{Message, MessageStatus, Problem, UserId};

use super::harness::{TestConversation, continuation_of};
use crate::testing::fixtures::{
    final_state, full_context, moment, question, reasoning, unwrap_stored,
};
use crate::{AnswerUpdate, Append, AppendOutcome, Contexts, Conversations, Edit};

pub async fn an_interrupted_answer_is_continued<S>(store: &S)
where
    S: Conversations + Contexts,
{
    let chat = TestConversation::with(store, &["q1"]).await;
    let answer = chat.append_stopped_answer("Bec").await;
    let (continuation, turn) = continuation_of(&answer, Some("c1"));
    let model = continuation.model.clone();
    let archived = Edit { archived: Some(true), ..Edit::default() };
    store.edit(chat.user_id, chat.id, archived).await.unwrap();

    let (conversation, messages) = unwrap_stored(chat.continue_answer(continuation.clone()).await);
    let other = chat.continue_answer(continuation_of(&answer, None).0).await;
    let duplicate = chat.continue_answer(continuation).await;
    let update = AnswerUpdate { turn_id: turn.turn_id, ..final_state(&answer, "Because.") };
    assert!(!store.save_answer(chat.id, final_state(&answer, "late"), moment(1)).await.unwrap());
    assert!(store.save_answer(chat.id, update, moment(1)).await.unwrap());

    let continued = Message {
        turn_id: Some(turn.turn_id),
        status: MessageStatus::Interrupted,
        model,
        ..answer.clone()
    };
    assert_eq!(messages, std::slice::from_ref(&continued));
    assert_eq!((conversation.message_count, conversation.archived), (2, false));
    assert_eq!(other, AppendOutcome::TurnInProgress);
    let question = chat.messages().await.remove(0);
    assert_eq!(duplicate, AppendOutcome::Duplicate(vec![question, continued]));
    assert_eq!(chat.texts().await, ["q1", "Because."]);
    assert_eq!(chat.conversation().await.total_tokens, 7 + 3);
}

pub async fn the_error_and_the_end_of_an_answer_are_kept_until_it_is_continued<S>(store: &S)
where
    S: Conversations + Contexts,
{
    let chat = TestConversation::with(store, &["q1"]).await;
    let (continuation, turn) = continuation_of(&chat.append_stopped_answer("Bec").await, None);
    let answer = unwrap_stored(chat.continue_answer(continuation).await).1.remove(0);
    let message = "The model failed. Please try again.".to_owned();
    let error = Problem { message, code: "model_failed".to_owned() };
    let failed = AnswerUpdate {
        status: MessageStatus::Failed,
        error: Some(error.clone()),
        ..final_state(&answer, "Because")
    };
    assert_eq!(answer.turn_id, Some(turn.turn_id));

    assert!(store.save_answer(chat.id, failed, moment(1)).await.unwrap());
    let failed = chat.messages().await.remove(1);
    let continued =
        unwrap_stored(chat.continue_answer(continuation_of(&failed, None).0).await).1.remove(0);
    let again = chat.messages().await.remove(1);

    assert_eq!((failed.status, failed.error), (MessageStatus::Failed, Some(error)));
    assert_eq!((continued.status, continued.error), (MessageStatus::Interrupted, None));
    assert_eq!((again.status, again.error), (MessageStatus::Interrupted, None));
    let ends = [failed.ended_at, continued.ended_at, again.ended_at];
    assert_eq!(ends, [Some(moment(12)), None, None]);
}

pub async fn an_answer_without_text_begins_when_it_is_continued<S>(store: &S)
where
    S: Conversations + Contexts,
{
    let chat = TestConversation::with(store, &["q1"]).await;
    let answer = chat.append_stopped_answer(" \n").await;
    let (continuation, turn) = continuation_of(&answer, None);
    let model = continuation.model.clone();

    let continued = store.continue_answer(chat.user_id, chat.id, continuation, moment(8)).await;

    let (conversation, messages) = unwrap_stored(continued.unwrap());
    let expected = Message {
        turn_id: Some(turn.turn_id),
        status: MessageStatus::Interrupted,
        content: String::new(),
        token_count: 0,
        created_at: moment(8),
        model,
        ..answer
    };
    assert_eq!(messages, std::slice::from_ref(&expected));
    assert_eq!(chat.messages().await.pop(), Some(expected));
    assert_eq!((conversation.message_count, conversation.total_tokens), (2, 7));
    assert_eq!(chat.conversation().await, conversation);
}

pub async fn the_reasoning_of_an_answer_is_kept_if_its_text_is_continued<S>(store: &S)
where
    S: Conversations + Contexts,
{
    let chat = TestConversation::with(store, &["q1"]).await;
    let (continuation, _) = continuation_of(&chat.append_stopped_answer("Bec").await, None);
    let answer = unwrap_stored(chat.continue_answer(continuation).await).1.remove(0);
    let thought = Some(reasoning("A question."));
    let with_text = AnswerUpdate {
        status: MessageStatus::Stopped,
        reasoning: thought.clone(),
        ..final_state(&answer, "Bec")
    };

    assert!(store.save_answer(chat.id, with_text.clone(), moment(1)).await.unwrap());
    let (continuation, turn) = continuation_of(&answer, None);
    let kept = unwrap_stored(chat.continue_answer(continuation).await).1.remove(0);
    let stored = chat.messages().await.remove(1);
    let turn_id = turn.turn_id;
    let blank = AnswerUpdate { turn_id, content: String::new(), ..with_text };
    assert!(store.save_answer(chat.id, blank, moment(1)).await.unwrap());
    let (continuation, _) = continuation_of(&answer, None);
    let begun_again = unwrap_stored(chat.continue_answer(continuation).await).1.remove(0);

    assert_eq!([kept.reasoning, stored.reasoning], [thought.clone(), thought]);
    assert_eq!(begun_again.reasoning, None);
    assert_eq!(chat.messages().await[1].reasoning, None);
}

pub async fn only_an_unfinished_answer_at_the_end_is_continued<S>(store: &S)
where
    S: Conversations + Contexts,
{
    let chat = TestConversation::with(store, &["q1", "a1"]).await;
    let complete = chat.messages().await.remove(1);
    let of_complete_answer = chat.continue_answer(continuation_of(&complete, None).0).await;
    let answer = chat.append_stopped_answer("Bec").await;
    let by_other_user = store
        .continue_answer(UserId::generate(), chat.id, continuation_of(&answer, None).0, moment(0))
        .await
        .unwrap();
    chat.append(Append { messages: vec![question("q3")], ..Append::default() }).await;

    let of_earlier_answer = chat.continue_answer(continuation_of(&answer, None).0).await;

    assert_eq!(of_complete_answer, AppendOutcome::Conflict { position: 2 });
    assert_eq!(by_other_user, AppendOutcome::NotFound);
    assert_eq!(of_earlier_answer, AppendOutcome::Conflict { position: 4 });
    assert_eq!(chat.messages().await[2], answer, "the answer was changed");
}

pub async fn a_summary_that_covers_a_continued_answer_is_dropped<S>(store: &S)
where
    S: Conversations + Contexts,
{
    let chat = TestConversation::with(store, &["q1"]).await;
    let answer = chat.append_stopped_answer("Bec").await;
    store.replace_context(chat.user_id, chat.id, full_context(), 0).await.unwrap();

    unwrap_stored(chat.continue_answer(continuation_of(&answer, None).0).await);

    let context = store.context(chat.user_id, chat.id).await.unwrap().unwrap();
    assert_eq!(context.context.summary, None, "the summary of the answer was kept");
    assert_eq!(context.context.examples, full_context().examples);
}
