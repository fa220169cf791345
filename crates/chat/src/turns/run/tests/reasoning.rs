//! Tests of the reasoning before an answer.

use std::time::Duration;

use webchat_domain::{EventBody, FinishReason, MessageStatus, Reasoning, TokenUsage};
use webchat_llm::{ModelError, Usage};

use crate::testing::{ANSWER, QUESTION, TestChat, settle};
use crate::turns::lease::LEASE;

const THOUGHT: &str = "Two and two is four.";

fn text_of(reasoning: Option<Reasoning>) -> String {
    reasoning.map(|reasoning| reasoning.text).unwrap_or_default()
}

async fn usage_of_last_turn(test: &TestChat) -> TokenUsage {
    match &test.events().await.last().unwrap().body {
        EventBody::TokenUsage(usage) => usage.clone(),
        other => panic!("not the end of a turn: {other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn reasoning_is_published_and_stored_apart_from_the_text_with_its_duration_and_tokens() {
    let test = TestChat::new().await;
    let request = test.ask(QUESTION).await;
    test.advance(Duration::from_secs(3)).await;
    request.send_reasoning("Two and two ").await;
    test.advance(Duration::from_millis(1_500)).await;
    request.send_reasoning("is four.").await;
    test.advance(Duration::from_millis(500)).await;
    request.send_text("anti").await;
    test.advance(Duration::from_secs(5)).await;
    request.answer("disestablishmentarianism", FinishReason::Stop).await;

    let tokens = test.counter().count(THOUGHT);
    let answer = test.last_message().await;
    assert_eq!(answer.content, ANSWER);
    let reasoning = answer.reasoning.clone().unwrap();
    assert_eq!((reasoning.text.as_str(), reasoning.tokens), (THOUGHT, tokens));
    assert!((2_000..2_100).contains(&reasoning.duration_ms), "{reasoning:?}");
    assert_eq!(test.published().await[2..4], ["reasoning: Two and two ", "reasoning: is four."]);
    let events = test.events().await;
    let ends = events.iter().filter_map(|event| match &event.body {
        EventBody::ResponseEnd(end) => Some((end.reasoning_ms, end.reasoning_tokens)),
        _ => None,
    });
    assert_eq!(ends.collect::<Vec<_>>(), [(Some(reasoning.duration_ms), Some(tokens))]);
    let usage = usage_of_last_turn(&test).await;
    assert_eq!(usage.reasoning_tokens, tokens);
    let sent = usage.ledger.total - usage.ledger.reserved;
    assert_eq!(usage.total_tokens_used, sent + answer.token_count + tokens);
    assert_eq!(test.conversation().await.total_tokens, 7 + u64::from(answer.token_count));
}

#[tokio::test(start_paused = true)]
async fn the_tokens_that_the_model_reports_count_even_if_it_hides_its_reasoning() {
    let test = TestChat::new().await;
    let usage = Usage {
        prompt_tokens: 9,
        completion_tokens: 70,
        reasoning_tokens: Some(64),
        cached_tokens: Some(5),
    };

    let hidden = test.ask(QUESTION).await;
    hidden.report_usage(usage).await;
    hidden.answer(ANSWER, FinishReason::Stop).await;
    let of_hidden = usage_of_last_turn(&test).await;
    let stored = test.last_message().await.reasoning;
    let shown = test.ask("Why?").await;
    shown.send_reasoning(THOUGHT).await;
    shown.report_usage(usage).await;
    shown.answer(ANSWER, FinishReason::Stop).await;

    assert_eq!((of_hidden.cached_tokens, of_hidden.reasoning_tokens, stored), (5, 64, None));
    assert_eq!(test.last_message().await.reasoning.unwrap().tokens, 64);
}

#[tokio::test(start_paused = true)]
async fn an_answer_stopped_while_the_model_reasons_keeps_it_until_it_is_continued() {
    let test = TestChat::new().await;
    let request = test.ask(QUESTION).await;
    request.send_reasoning(THOUGHT).await;
    settle().await;
    test.chat.turns.stop(test.user_id, test.conversation_id).await.unwrap();
    settle().await;
    let stopped = test.last_message().await;

    test.chat.turns.continue_answer(test.user_id, test.conversation_id, None, None).await.unwrap();
    let again = test.model.next_request().await;
    let contents: Vec<_> = again.contents().into_iter().map(str::to_owned).collect();
    again.send_reasoning("Four.").await;
    again.answer("4", FinishReason::Stop).await;

    assert_eq!((stopped.content.as_str(), stopped.status), ("", MessageStatus::Stopped));
    assert_eq!(text_of(stopped.reasoning), THOUGHT);
    assert_eq!(contents, [QUESTION]);
    let answer = test.last_message().await;
    assert_eq!((answer.content.as_str(), answer.status), ("4", MessageStatus::Complete));
    assert_eq!(text_of(answer.reasoning), "Four.");
}

#[tokio::test(start_paused = true)]
async fn reasoning_alone_is_no_complete_answer() {
    let test = TestChat::new().await;
    let request = test.ask(QUESTION).await;
    request.send_reasoning(THOUGHT).await;
    let cause = "the answer has only reasoning".into();
    request.fail_with(ModelError::EmptyAnswer { is_cut_off: false, cause }).await;
    settle().await;

    let answer = test.last_message().await;
    assert_eq!((answer.content.as_str(), answer.status), ("", MessageStatus::Failed));
    assert_eq!(text_of(answer.reasoning), THOUGHT);
}

#[tokio::test(start_paused = true)]
async fn a_continued_answer_publishes_its_reasoning_again_and_adds_to_it() {
    let test = TestChat::new().await;
    let request = test.ask(QUESTION).await;
    request.send_reasoning(THOUGHT).await;
    request.answer("antidis", FinishReason::Length).await;
    let first = test.last_message().await.reasoning.unwrap();
    let before = test.published().await.len();

    test.chat.turns.continue_answer(test.user_id, test.conversation_id, None, None).await.unwrap();
    let request = test.model.next_request().await;
    let contents = request.contents().join(" | ");
    settle().await;
    request.send_reasoning("More.").await;
    request.answer("establishmentarianism", FinishReason::Stop).await;

    assert!(!contents.contains(THOUGHT), "{contents}");
    assert_eq!(
        test.published().await[before + 1..before + 4],
        [
            format!("reasoning: {THOUGHT}"),
            "chunk: antidis".to_owned(),
            "reasoning: \n\nMore.".to_owned()
        ]
    );
    let answer = test.last_message().await;
    assert_eq!(answer.content, ANSWER);
    let reasoning = answer.reasoning.unwrap();
    assert_eq!(reasoning.text, format!("{THOUGHT}\n\nMore."));
    assert!(reasoning.tokens > first.tokens);
    let usage = usage_of_last_turn(&test).await;
    assert_eq!(usage.reasoning_tokens, reasoning.tokens - first.tokens);
}

#[tokio::test(start_paused = true)]
async fn reasoning_that_readers_have_seen_is_kept_when_the_instance_dies() {
    let test = TestChat::new().await;
    let request = test.ask(QUESTION).await;
    request.send_reasoning("Two ").await;
    test.advance(Duration::from_millis(700)).await;
    request.send_reasoning("and two.").await;
    settle().await;
    let saved = test.last_message().await.reasoning;

    let other = test.another_instance();
    test.clock.advance(LEASE);
    other.turns.recover_abandoned_turns().await.unwrap();

    let answer = test.last_message().await;
    assert_eq!((saved, answer.status), (None, MessageStatus::Interrupted));
    let reasoning = answer.reasoning.unwrap();
    assert_eq!(reasoning.text, "Two and two.");
    assert!((700..800).contains(&reasoning.duration_ms), "{reasoning:?}");
    assert!(reasoning.tokens > 0);
    drop(request);
}
