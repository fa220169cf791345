//! Tests of the daily budgets.

use std::num::NonZeroU64;
use std::time::Duration;

use webchat_domain::{FileName, FinishReason, UserId};
use webchat_persistence::TokenScope;

use super::*;
use crate::testing::{ANSWER, QUESTION, TestChat, message, settle};
use crate::{DailyTokenLimits, Upload};

/// The tokens that a turn with [`QUESTION`] and [`ANSWER`] uses: 3 + 4 + 7 of the request, and 6 of the answer.
const TURN: u64 = 20;

/// The maximum number of tokens that the first turn reserves.
const MAX_TURN: u64 = 1_000;

async fn chat_with(daily_tokens: DailyTokenLimits) -> TestChat {
    TestChat::with_settings(|settings| settings.daily_tokens = daily_tokens).await
}

async fn chat_with_user_budget(tokens: u64) -> TestChat {
    chat_with(DailyTokenLimits { per_user: NonZeroU64::new(tokens), ..DailyTokenLimits::default() })
        .await
}

async fn used(test: &TestChat, scope: TokenScope) -> u64 {
    let core = &test.chat.core;
    core.ports.token_budgets.used_tokens(core.now().day(), scope).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_turn_reserves_the_maximum_and_counts_the_used_tokens() {
    let test = chat_with_user_budget(10_000).await;
    let scope = TokenScope::User(test.user_id);

    let request = test.ask(QUESTION).await;
    let reserved = used(&test, scope).await;
    request.answer(ANSWER, FinishReason::Stop).await;

    assert!((TURN + 800..MAX_TURN).contains(&reserved), "{reserved}");
    assert_eq!(used(&test, scope).await, TURN);
}

#[tokio::test(start_paused = true)]
async fn a_turn_beyond_the_budget_is_refused_before_anything_is_sent_or_stored() {
    let test = chat_with_user_budget(MAX_TURN).await;
    test.ask_and_answer(QUESTION, ANSWER).await;
    let request = test.ask(QUESTION).await;
    let other = test.chat.conversations.start(test.user_id, None).await.unwrap().conversation_id;

    let refused = test.another_instance().turns.send(test.user_id, other, message(QUESTION)).await;

    let error = refused.unwrap_err();
    assert_eq!(error.code(), "token_budget_exceeded");
    let error_text = error.to_string();
    assert!(
        error_text.contains("00:00 UTC") && error_text.contains("DAILY_TOKENS_PER_USER"),
        "{error_text}"
    );
    assert_eq!(test.model.request_count(), 2);
    let stored = test.chat.conversations.find(test.user_id, other).await.unwrap();
    assert_eq!(stored.message_count, 0);
    request.answer(ANSWER, FinishReason::Stop).await;
    test.chat.turns.send(test.user_id, other, message(QUESTION)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_budget_is_reset_at_midnight() {
    let test = chat_with_user_budget(MAX_TURN).await;
    let _request = test.ask(QUESTION).await;
    let other = test.chat.conversations.start(test.user_id, None).await.unwrap().conversation_id;
    let send = || test.chat.turns.send(test.user_id, other, message(QUESTION));

    let ChatError::TokenBudgetExceeded { retry_after, .. } = send().await.unwrap_err() else {
        panic!("unexpected error")
    };
    test.clock.advance(retry_after.saturating_sub(Duration::from_millis(1)));
    let before_midnight = send().await;
    test.clock.advance(Duration::from_millis(1));
    let after_midnight = send().await;

    assert_eq!(before_midnight.unwrap_err().code(), "token_budget_exceeded");
    assert!(after_midnight.is_ok());
}

#[tokio::test(start_paused = true)]
async fn users_share_the_budgets_of_their_network_and_of_the_server() {
    let max = NonZeroU64::new(MAX_TURN);
    for (daily_tokens, setting) in [
        (
            DailyTokenLimits { per_network: max, ..DailyTokenLimits::default() },
            "DAILY_TOKENS_PER_ADDRESS",
        ),
        (
            DailyTokenLimits { total: max, ..DailyTokenLimits::default() },
            "The operator's setting is DAILY_TOKENS.",
        ),
    ] {
        let test = chat_with(daily_tokens).await;
        let other = UserId::generate();
        let id = test.chat.conversations.start(other, None).await.unwrap().conversation_id;
        let caller = |user_id, address: &str| Caller { user_id, address: address.parse().ok() };
        let send = |caller, id| test.chat.turns.send(caller, id, message(QUESTION));

        send(caller(test.user_id, "2001:db8::1"), test.conversation_id).await.unwrap();
        let refused = send(caller(other, "2001:db8::2"), id).await;

        let error_text = refused.unwrap_err().to_string();
        assert!(error_text.contains(setting), "{error_text}");
        let from_other_network = send(caller(other, "2001:db8:1::1"), id).await;
        assert_eq!(from_other_network.is_ok(), daily_tokens.total.is_none());
    }
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_was_not_stored_or_not_answered_uses_no_tokens() {
    let test = chat_with_user_budget(10_000).await;
    let scope = TokenScope::User(test.user_id);

    test.model.fail_next(webchat_llm::ModelError::Failed("no connection".into()));
    test.send(QUESTION).await.unwrap();
    settle().await;
    let after_failure = used(&test, scope).await;
    let request = test.ask(QUESTION).await;
    let reserved = used(&test, scope).await;
    let second = test.send("Why?").await;

    assert_eq!(after_failure, 0);
    assert_eq!(second.unwrap_err().code(), "turn_in_progress");
    assert_eq!(used(&test, scope).await, reserved);
    drop(request);
}

#[tokio::test(start_paused = true)]
async fn a_title_counts_towards_the_budget_and_is_not_requested_beyond_it() {
    let test = TestChat::with_settings(|settings| {
        settings.auto_titles = true;
        settings.daily_tokens.per_user = NonZeroU64::new(MAX_TURN);
    })
    .await;
    test.ask_and_answer(QUESTION, ANSWER).await;
    test.model.next_request().await.answer("Sums", FinishReason::Stop).await;
    let with_title = used(&test, TokenScope::User(test.user_id)).await;

    let exhausted = TestChat::with_settings(|settings| {
        settings.auto_titles = true;
        settings.daily_tokens.per_user = NonZeroU64::new(900);
    })
    .await;
    exhausted.ask(QUESTION).await.answer(&"tide ".repeat(750), FinishReason::Stop).await;

    assert!((TURN + 30..TURN + 130).contains(&with_title), "{with_title}");
    assert_eq!(exhausted.model.request_count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_file_that_exceeds_the_users_budget_is_refused() {
    let test = chat_with_user_budget(5_000).await;
    let upload = |words: usize| {
        let name = FileName::from("tides.txt".to_owned());
        let upload = Upload { name, content: "tide ".repeat(words).into_bytes(), charset: None };
        test.chat.files.upload(test.user_id, test.conversation_id, None, upload)
    };

    let refused = upload(4_800).await;
    let accepted = upload(3_000).await.unwrap();

    assert_eq!(refused.unwrap_err().code(), "token_budget_exceeded");
    let estimated = test.chat.files.estimated_tokens(&accepted);
    assert!((3_000..3_700).contains(&estimated), "{estimated}");
    assert_eq!(test.model.request_count(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_files_of_a_network_share_its_budget() {
    let max = NonZeroU64::new(5_000);
    let test =
        chat_with(DailyTokenLimits { per_network: max, ..DailyTokenLimits::default() }).await;
    let other = UserId::generate();
    let id = test.chat.conversations.start(other, None).await.unwrap().conversation_id;
    let upload = |user_id, address: &str, id| {
        let name = FileName::from("tides.txt".to_owned());
        let upload = Upload { name, content: "tide ".repeat(3_000).into_bytes(), charset: None };
        let caller = Caller { user_id, address: address.parse().ok() };
        test.chat.files.upload(caller, id, None, upload)
    };

    upload(test.user_id, "2001:db8::1", test.conversation_id).await.unwrap();
    let refused = upload(other, "2001:db8::2", id).await;
    let from_other_network = upload(other, "2001:db8:1::1", id).await;

    assert_eq!(refused.unwrap_err().code(), "token_budget_exceeded");
    assert!(from_other_network.is_ok());
}
