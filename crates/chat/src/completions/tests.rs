//! Tests of completions.

use std::num::NonZeroU64;
use std::time::Duration;

use webchat_domain::{Caller, FinishReason, MAX_REASONING_BYTES, ModelParameters, UserId};
use webchat_llm::{AnswerLimit, ChatRole, ModelError, Usage};
use webchat_persistence::TokenScope;

use super::completion::{Completion, CompletionEnd, CompletionError, CompletionEvent};
use super::request::CompletionRequest;
use crate::context::prompts::chat_message;
use crate::error::ChatError;
use crate::testing::{ANSWER, MESSAGE_OVERHEAD, QUESTION, REPLY_PRIMER, TestChat, settle};

const QUESTION_TOKENS: u32 = 7;

/// The tokens of [`request`], which has [`QUESTION`] twice.
const PROMPT_TOKENS: u32 = 2 * (QUESTION_TOKENS + MESSAGE_OVERHEAD) + REPLY_PRIMER;

/// The tokens of [`ANSWER`].
const ANSWER_TOKENS: u32 = 6;

fn request() -> CompletionRequest {
    CompletionRequest {
        messages: vec![
            chat_message(ChatRole::System, QUESTION.to_owned()),
            chat_message(ChatRole::User, QUESTION.to_owned()),
        ],
        parameters: ModelParameters::default(),
        max_tokens: None,
        stop: vec!["END".to_owned()],
    }
}

fn start(test: &TestChat, request: CompletionRequest) -> Completion {
    test.chat.completions.start(test.user_id.into(), test.chat.models().first(), request).unwrap()
}

async fn error(mut completion: Completion) -> CompletionError {
    completion.next().await.unwrap().unwrap_err()
}

async fn used_tokens(test: &TestChat) -> u64 {
    let core = &test.chat.core;
    let scope = TokenScope::User(test.user_id);
    core.ports.token_budgets.used_tokens(core.now().day(), scope).await.unwrap()
}

async fn limited_to(tokens: u64) -> TestChat {
    TestChat::with_settings(|settings| settings.daily_tokens.per_user = NonZeroU64::new(tokens))
        .await
}

#[tokio::test(start_paused = true)]
async fn a_completion_sends_the_messages_as_they_are_and_stores_nothing() {
    let test = limited_to(10_000).await;
    let mut completion = start(&test, CompletionRequest { max_tokens: Some(5), ..request() });
    let asked = test.model.next_request().await;

    assert_eq!(asked.request.messages, request().messages);
    assert_eq!(asked.request.answer_limit, AnswerLimit::Tokens(5));
    assert_eq!(asked.request.stop, ["END"]);
    assert_eq!(used_tokens(&test).await, u64::from(PROMPT_TOKENS) + 5);
    asked.answer(ANSWER, FinishReason::Length).await;

    let chunk = completion.next().await.unwrap().unwrap();
    assert_eq!(chunk, CompletionEvent::Text(ANSWER.to_owned()));
    let end = CompletionEnd {
        finish_reason: FinishReason::Length,
        prompt_tokens: PROMPT_TOKENS,
        completion_tokens: ANSWER_TOKENS,
        reasoning_tokens: 0,
        cached_tokens: 0,
    };
    assert_eq!(completion.next().await.unwrap().unwrap(), CompletionEvent::End(end));
    assert!(completion.next().await.is_none());
    assert_eq!(used_tokens(&test).await, u64::from(PROMPT_TOKENS + ANSWER_TOKENS));
    assert_eq!(test.messages().await, []);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_completion_stops_the_model_and_its_text_so_far_counts() {
    let test = limited_to(10_000).await;
    let completion = start(&test, request());
    let asked = test.model.next_request().await;
    asked.send_text(ANSWER).await;
    settle().await;

    drop(completion);
    settle().await;

    assert!(asked.is_cancelled());
    assert_eq!(used_tokens(&test).await, u64::from(PROMPT_TOKENS + ANSWER_TOKENS));
}

#[tokio::test(start_paused = true)]
async fn reasoning_is_passed_on_beside_the_text_and_counts() {
    let test = limited_to(10_000).await;
    for (completion_tokens, reported, expected) in [
        (70, Some(64), (70, 64)),
        (70, None, (70, QUESTION_TOKENS)),
        (3, None, (3, 3)),
        // The model reports nothing.
        (0, None, (ANSWER_TOKENS + QUESTION_TOKENS, QUESTION_TOKENS)),
    ] {
        let used_before = used_tokens(&test).await;
        let mut completion = start(&test, request());
        let asked = test.model.next_request().await;
        asked.send_reasoning(QUESTION).await;
        if completion_tokens > 0 {
            let prompt_tokens = PROMPT_TOKENS;
            let usage = Usage {
                prompt_tokens,
                completion_tokens,
                reasoning_tokens: reported,
                ..Usage::default()
            };
            asked.report_usage(usage).await;
        }
        asked.answer(ANSWER, FinishReason::Stop).await;

        let reasoning = completion.next().await.unwrap().unwrap();
        assert_eq!(reasoning, CompletionEvent::Reasoning(QUESTION.to_owned()));
        let chunk = completion.next().await.unwrap().unwrap();
        assert_eq!(chunk, CompletionEvent::Text(ANSWER.to_owned()));
        let CompletionEvent::End(end) = completion.next().await.unwrap().unwrap() else {
            panic!("the answer has more text")
        };
        assert_eq!((end.completion_tokens, end.reasoning_tokens), expected);
        let used = used_tokens(&test).await - used_before;
        assert_eq!(used, u64::from(PROMPT_TOKENS + end.completion_tokens));
    }
}

#[tokio::test(start_paused = true)]
async fn reasoning_beyond_its_bound_is_not_passed_on() {
    let test = TestChat::new().await;
    let mut completion = start(&test, request());
    let asked = test.model.next_request().await;
    asked.send_reasoning(&"a ".repeat(MAX_REASONING_BYTES / 2)).await;
    asked.send_reasoning("more").await;
    asked.answer(ANSWER, FinishReason::Stop).await;

    let CompletionEvent::Reasoning(reasoning) = completion.next().await.unwrap().unwrap() else {
        panic!("the answer has no reasoning")
    };
    assert!(reasoning.len() <= MAX_REASONING_BYTES && reasoning.ends_with("[…]"));
    let chunk = completion.next().await.unwrap().unwrap();
    assert_eq!(chunk, CompletionEvent::Text(ANSWER.to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_request_that_exceeds_the_window_or_a_budget_is_not_sent() {
    let small = TestChat::with_window(PROMPT_TOKENS + 9, 10).await;
    let fits = CompletionRequest { max_tokens: Some(9), ..request() };
    let poor = limited_to(PROMPT_TOKENS.into()).await;

    let too_long = error(start(&small, request())).await;
    let too_expensive = error(start(&poor, request())).await;
    let _fitting = start(&small, fits);
    small.model.next_request().await;

    assert!(
        matches!(too_long, CompletionError::Chat(ChatError::MessageTooLong(_))),
        "{too_long:?}"
    );
    let CompletionError::Chat(error) = too_expensive else { panic!("{too_expensive:?}") };
    assert_eq!(error.code(), "token_budget_exceeded");
    assert_eq!((poor.model.request_count(), used_tokens(&poor).await), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn completions_and_turns_share_the_limit_of_concurrent_answers() {
    let test = TestChat::with_settings(|settings| settings.turns_per_user = Some(1)).await;
    let completion = start(&test, request());

    let turn = test.send(QUESTION).await.unwrap_err();
    let (completions, model) = (&test.chat.completions, test.chat.models().first());
    let other = completions.start(test.user_id.into(), model.clone(), request()).err();
    let of_other_user =
        completions.start(Caller::from(UserId::generate()), model, request()).is_ok();
    drop(completion);
    settle().await;

    assert_eq!(turn.code(), "too_many_turns");
    assert_eq!(other.map(|error| error.code()), Some("too_many_turns"));
    assert!(of_other_user && test.send(QUESTION).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_failure_of_the_model_is_an_error_unless_it_is_the_end_of_an_answer() {
    let test = TestChat::new().await;
    let retry_after = Some(Duration::from_secs(7));
    test.model.fail_next(ModelError::RateLimited { retry_after, cause: "429".into() });
    let limited = error(start(&test, request())).await;
    let mut filtered = start(&test, request());
    let asked = test.model.next_request().await;
    asked.filter("hate").await;
    asked.finish(FinishReason::ContentFilter).await;
    let mut empty = start(&test, request());
    let no_text = ModelError::EmptyAnswer { is_cut_off: false, cause: "empty".into() };
    test.model.next_request().await.fail_with(no_text).await;

    let CompletionError::Model { problem, retry_after: after, .. } = limited else {
        panic!("{limited:?}")
    };
    assert_eq!((problem.code.as_str(), after), ("model_rate_limited", retry_after));
    for (completion, expected) in
        [(&mut filtered, FinishReason::ContentFilter), (&mut empty, FinishReason::Stop)]
    {
        let CompletionEvent::End(end) = completion.next().await.unwrap().unwrap() else {
            panic!("the answer has text")
        };
        assert_eq!(end.finish_reason, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_completion_that_takes_too_long_is_cut_off() {
    let test = TestChat::new().await;
    let mut completion = start(&test, request());
    let asked = test.model.next_request().await;

    test.advance(test.chat.settings().max_turn_duration).await;

    let CompletionEvent::End(end) = completion.next().await.unwrap().unwrap() else {
        panic!("the answer has text")
    };
    assert_eq!(end.finish_reason, FinishReason::Length);
    assert!(asked.is_cancelled());
}
