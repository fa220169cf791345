//! Tests of the context service.

use std::pin::pin;
use std::time::Duration;

use tokio::time::timeout;

use super::*;
use crate::testing::{ANSWER, MESSAGE_OVERHEAD, QUESTION, REPLY_PRIMER, TestChat, prompt_edit};

fn code<T: std::fmt::Debug>(result: Result<T, ChatError>) -> &'static str {
    result.unwrap_err().code()
}

async fn context(test: &TestChat) -> ContextView {
    test.chat.contexts.view(test.user_id, test.conversation_id).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn prompt_and_examples_precede_the_messages_and_are_counted() {
    let test =
        TestChat::with_settings(|settings| settings.system_prompt = Some("Be kind.".into())).await;
    let (user_id, id, chat) = (test.user_id, test.conversation_id, &test.chat);
    let parameters = serde_json::from_str(r#"{"temperature": 0.5}"#).ok();
    let temperature = ContextEdit { parameters, ..ContextEdit::default() };
    chat.contexts.add_example(user_id, id, None, "1 + 1?".into(), "2.".into()).await.unwrap();
    chat.contexts.edit(user_id, id, temperature.clone(), None).await.unwrap();

    let request = test.ask(QUESTION).await.request;
    chat.turns.stop(user_id, id).await.unwrap();
    crate::testing::settle().await;
    chat.contexts.edit(user_id, id, prompt_edit("Be brief."), None).await.unwrap();
    let view = context(&test).await;

    let contents: Vec<_> =
        request.messages.iter().map(|message| message.content.as_str()).collect();
    assert_eq!(contents, ["Be kind.", "1 + 1?", "2.", QUESTION]);
    assert_eq!(request.parameters, temperature.parameters.unwrap());
    let system = MESSAGE_OVERHEAD + 3;
    let examples = (MESSAGE_OVERHEAD + 5) + (MESSAGE_OVERHEAD + 2);
    let history = REPLY_PRIMER + (MESSAGE_OVERHEAD + 7);
    assert_eq!((view.ledger.system, view.ledger.few_shot), (system, examples));
    assert_eq!(view.ledger.history, history);
    assert_eq!(view.ledger.total, 800 + system + examples + history);
    let published = test.published().await;
    assert_eq!(published[..2], ["few-shot", "context"]);
    assert_eq!(published.last().unwrap(), "context");
}

#[tokio::test(start_paused = true)]
async fn removing_an_example_twice_fails_the_second_time() {
    let test = TestChat::new().await;
    let (user_id, id, chat) = (test.user_id, test.conversation_id, &test.chat);
    let example =
        chat.contexts.add_example(user_id, id, None, QUESTION.into(), ANSWER.into()).await.unwrap();

    let first = chat.contexts.remove_example(user_id, id, example.example_id).await;
    let second = chat.contexts.remove_example(user_id, id, example.example_id).await;

    first.unwrap();
    assert_eq!(code(second), "example_not_found");
    assert_eq!(context(&test).await.context.examples, []);
}

#[tokio::test(start_paused = true)]
async fn an_example_that_leaves_less_than_half_of_the_window_is_rejected() {
    let test = TestChat::with_window(1_800, 800).await;
    let (user_id, id, chat) = (test.user_id, test.conversation_id, &test.chat);

    let long_prompt = chat.contexts.edit(user_id, id, prompt_edit("tide ".repeat(400)), None).await;
    let example =
        chat.contexts.add_example(user_id, id, None, "tide ".repeat(200), "tide".into()).await;
    let short_prompt = chat.contexts.edit(user_id, id, prompt_edit("Be brief."), None).await;

    long_prompt.unwrap();
    assert_eq!(code(example), "context_too_long");
    short_prompt.unwrap();
    assert_eq!(context(&test).await.context.examples, []);
}

#[tokio::test(start_paused = true)]
async fn a_message_that_does_not_fit_alongside_the_prompt_is_rejected() {
    let test = TestChat::with_window(1_800, 800).await;
    let prompt = "tide ".repeat(400);
    test.chat
        .contexts
        .edit(test.user_id, test.conversation_id, prompt_edit(prompt), None)
        .await
        .unwrap();

    let result = test.send(&"tide ".repeat(700)).await;

    assert_eq!(code(result), "message_too_long");
    assert_eq!(test.messages().await, []);
}

/// The user's only permit for long texts is in use, so counting would wait forever.
#[tokio::test]
async fn an_obviously_oversized_context_is_rejected_without_counting_tokens() {
    let test = TestChat::with_window(1_800, 800).await;
    let (user_id, id, contexts) = (test.user_id, test.conversation_id, &test.chat.contexts);
    let _permit = test.hold_text_permit().await;
    let long = "x".repeat(1_800 * 128 + 1);

    let prompt = contexts.edit(user_id, id, prompt_edit(&long), None).await;
    let question = contexts.add_example(user_id, id, None, long.clone(), ANSWER.into()).await;
    let answer = contexts.add_example(user_id, id, None, QUESTION.into(), long.clone()).await;
    let summary = contexts.set_summary(user_id, id, Some(long), None).await;

    for result in [prompt, question.map(drop), answer.map(drop), summary] {
        assert_eq!(code(result), "context_too_long");
    }
}

#[tokio::test]
async fn long_context_texts_of_one_user_are_counted_one_at_a_time() {
    let test = TestChat::with_window(100_000, 800).await;
    let permit = test.hold_text_permit().await;
    let long = prompt_edit("tide ".repeat(4_000));
    let mut edit = pin!(test.chat.contexts.edit(test.user_id, test.conversation_id, long, None));

    let while_held = timeout(Duration::from_millis(50), edit.as_mut()).await;
    drop(permit);

    assert!(while_held.is_err());
    edit.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_user_can_replace_and_remove_the_summary() {
    let test = TestChat::new().await;
    let (user_id, id, chat) = (test.user_id, test.conversation_id, &test.chat);
    test.ask_and_answer(QUESTION, ANSWER).await;
    let without_summary = chat.contexts.set_summary(user_id, id, Some("A sum.".into()), None).await;
    test.store_summary(2, "They added numbers.").await;

    chat.contexts.set_summary(user_id, id, Some("A sum.".into()), None).await.unwrap();
    let edited = context(&test).await;
    let too_long = chat.contexts.set_summary(user_id, id, Some("tide ".repeat(501)), None).await;
    chat.contexts.set_summary(user_id, id, None, None).await.unwrap();
    let removed = context(&test).await;

    assert_eq!(code(without_summary), "no_summary");
    let summary = edited.context.summary.unwrap();
    assert_eq!((summary.text.as_str(), summary.through), ("A sum.", 2));
    assert_eq!(summary.author, SummaryAuthor::User);
    assert_eq!((edited.ledger.summary_through, edited.ledger.history), (2, REPLY_PRIMER));
    assert_eq!(code(too_long), "context_too_long");
    assert_eq!(removed.context.summary, None);
    assert_eq!(
        removed.ledger.history,
        REPLY_PRIMER + (MESSAGE_OVERHEAD + 7) + (MESSAGE_OVERHEAD + 6)
    );
}

#[tokio::test(start_paused = true)]
async fn an_edit_based_on_an_outdated_revision_is_a_conflict() {
    let test = TestChat::new().await;
    let (user_id, id, chat) = (test.user_id, test.conversation_id, &test.chat);
    let old_revision = Some(context(&test).await.revision);
    chat.contexts.edit(user_id, id, prompt_edit("Be brief."), old_revision).await.unwrap();
    test.store_summary(2, "They added numbers.").await;

    let prompt = chat.contexts.edit(user_id, id, prompt_edit("Be long."), old_revision).await;
    let summary = chat.contexts.set_summary(user_id, id, None, old_revision).await;

    assert!(matches!(prompt, Err(ChatError::RevisionConflict)), "{prompt:?}");
    assert!(matches!(summary, Err(ChatError::RevisionConflict)), "{summary:?}");
    let current = context(&test).await.context;
    assert_eq!(current.system_prompt.unwrap().text, "Be brief.");
    assert!(current.summary.is_some());
}

#[tokio::test(start_paused = true)]
async fn another_user_can_neither_view_nor_change_the_context() {
    let test = TestChat::new().await;
    let (other_user, id, chat) = (UserId::generate(), test.conversation_id, &test.chat);

    let view = chat.contexts.view(other_user, id).await;
    let prompt = chat.contexts.edit(other_user, id, prompt_edit("Obey."), None).await;
    let example =
        chat.contexts.add_example(other_user, id, None, QUESTION.into(), ANSWER.into()).await;
    let summary = chat.contexts.set_summary(other_user, id, None, None).await;

    for result in [view.map(drop), prompt, example.map(drop), summary] {
        assert_eq!(code(result), "conversation_not_found");
    }
    assert_eq!(context(&test).await.context, Context::default());
    assert_eq!(test.published().await, [""; 0]);
}
