//! Tests of a running turn.

mod reasoning;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::sleep;
use webchat_domain::{
    ConversationId, EventBody, FinishReason, Ledger, MessageStatus, ResponseEnd, TokenUsage,
};
use webchat_llm::{AnswerLimit, ChatRequest, ChatRole, ModelError};
use webchat_persistence::StoreError;

use crate::testing::{
    ANSWER, MESSAGE_OVERHEAD, ModelRequest, QUESTION, REPLY_PRIMER, TestChat, accepting_store,
    message, settle,
};

#[tokio::test(start_paused = true)]
async fn a_turn_publishes_its_answer_in_order_and_stores_it_as_complete() {
    let test = TestChat::new().await;

    let request = test.ask(QUESTION).await;
    request.send_text("antidis").await;
    settle().await;
    request.send_text("establishmentarianism").await;
    request.finish(FinishReason::Stop).await;
    settle().await;

    assert_eq!(
        test.published().await,
        [
            "accepted: 2 + 2 = 4",
            "title: 2 + 2 = 4",
            "chunk: antidis",
            "chunk: establishmentarianism",
            "end: Stop, Complete",
            "usage: 20",
        ]
    );
    let answer = test.last_message().await;
    assert_eq!((answer.content.as_str(), answer.token_count), (ANSWER, 6));
    assert_eq!(answer.status, MessageStatus::Complete);
    let conversation = test.conversation().await;
    assert_eq!((conversation.message_count, conversation.total_tokens), (2, 7 + 6));
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_turn_reports_the_stored_answer_and_the_sent_tokens() {
    let test = TestChat::new().await;

    let request = test.ask(QUESTION).await;
    test.advance(Duration::from_millis(1_500)).await;
    request.answer(ANSWER, FinishReason::Stop).await;

    let answer = test.last_message().await;
    assert_eq!(answer.ended_at, Some(answer.created_at.plus(Duration::from_millis(1_500))));
    let turn_id = answer.turn_id.unwrap();
    let events = test.events().await;
    let [.., end, usage] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!(
        end.body,
        EventBody::ResponseEnd(ResponseEnd {
            message_id: answer.message_id,
            turn_id,
            position: 2,
            finish_reason: FinishReason::Stop,
            status: MessageStatus::Complete,
            token_count: 6,
            reasoning_ms: None,
            reasoning_tokens: None,
            created_at: Some(answer.created_at),
            ended_at: answer.ended_at,
        })
    );
    let history = REPLY_PRIMER + (MESSAGE_OVERHEAD + 7);
    assert_eq!(
        usage.body,
        EventBody::TokenUsage(TokenUsage {
            turn_id,
            total_tokens_used: history + 6,
            cached_tokens: 0,
            reasoning_tokens: 0,
            ledger: Ledger {
                window: 10_000,
                reserved: 800,
                history,
                total: 800 + history,
                ..Ledger::default()
            },
        })
    );
}

#[tokio::test(start_paused = true)]
async fn a_request_contains_the_newest_messages_that_fit_in_order() {
    let test = TestChat::with_window(55, 20).await;
    test.ask_and_answer(QUESTION, ANSWER).await;

    let second = test.ask("Why?").await;
    test.model.fail_next(ModelError::Failed("no summary".into()));
    test.chat.turns.stop(test.user_id, test.conversation_id).await.unwrap();
    settle().await;
    test.model.fail_next(ModelError::Failed("no summary".into()));
    let third = test.ask(&format!("{QUESTION} {QUESTION}")).await;
    let third_request = third.request.clone();
    third.finish(FinishReason::Stop).await;
    settle().await;

    assert_eq!(contents(&second.request), [QUESTION, ANSWER, "Why?"]);
    let roles: Vec<_> = second.request.messages.iter().map(|message| message.role).collect();
    assert_eq!(roles, [ChatRole::User, ChatRole::Assistant, ChatRole::User]);
    assert_eq!(second.request.answer_limit, AnswerLimit::Tokens(20));
    assert_eq!(contents(&third_request), ["Why?\n\n2 + 2 = 4 2 + 2 = 4"]);
    let events = test.events().await;
    let EventBody::TokenUsage(usage) = &events.last().unwrap().body else { panic!() };
    assert_eq!(usage.ledger.left_out_messages, 2);
}

#[tokio::test(start_paused = true)]
async fn earlier_answers_are_sent_without_their_reasoning_and_stay_stored_with_it() {
    let test = TestChat::new().await;
    let answer = "<think>\nA sum.\n</think>\n\n4";
    test.ask_and_answer(QUESTION, answer).await;
    test.ask_and_answer("And 3 + 3?", "<think>Cut off").await;

    let request = test.ask("Why?").await;

    assert_eq!(request.contents(), [QUESTION, "4", "And 3 + 3?\n\nWhy?"]);
    assert_eq!(test.messages().await[1].content, answer);
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_continued_with_its_reasoning() {
    let test = TestChat::new().await;
    let request = test.ask(QUESTION).await;
    request.send_text("<think>A sum").await;
    request.finish(FinishReason::Length).await;
    settle().await;

    let turns = &test.chat.turns;
    turns.continue_answer(test.user_id, test.conversation_id, None, None).await.unwrap();
    let request = test.model.next_request().await;

    assert_eq!(request.contents()[..2], [QUESTION, "<think>A sum"]);
}

fn contents(request: &ChatRequest) -> Vec<&str> {
    request.messages.iter().map(|message| message.content.as_str()).collect()
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_reaches_the_length_limit_is_truncated() {
    let test = TestChat::new().await;

    let request = test.ask(QUESTION).await;
    request.send_text(ANSWER).await;
    request.finish(FinishReason::Length).await;
    settle().await;

    assert_eq!(test.published().await[3..], ["end: Length, Truncated", "usage: 20"]);
    assert_eq!(test.last_message().await.status, MessageStatus::Truncated);
}

#[tokio::test(start_paused = true)]
async fn a_filtered_answer_reports_the_categories_and_keeps_the_partial_text() {
    let test = TestChat::new().await;

    let request = test.ask(QUESTION).await;
    request.send_text("Hm").await;
    request.filter("self_harm").await;
    request.finish(FinishReason::ContentFilter).await;
    settle().await;

    let events = test.events().await;
    let error = events.iter().find_map(|event| match &event.body {
        EventBody::Error(error) => Some(error.message.as_str()),
        _ => None,
    });
    let error = error.unwrap();
    assert!(error.contains("ended this answer, because it found self-harm"), "{error}");
    let published = test.published().await;
    assert_eq!(published[3..5], ["error: model_content_filter", "end: ContentFilter, Failed"]);
    assert_eq!(test.last_message().await.content, "Hm");
}

#[tokio::test(start_paused = true)]
async fn a_rejected_request_fails_the_turn_and_the_next_message_is_accepted() {
    let test = TestChat::new().await;
    test.model.fail_next(ModelError::AccountRefused("401".into()));

    test.send(QUESTION).await.unwrap();
    settle().await;
    let published = test.published().await;
    let rejected = test.last_message().await;
    test.ask_and_answer("Now?", "Yes.").await;

    assert_eq!(published[2..], ["error: model_key_refused", "end: Failed, Failed", "usage: 14"]);
    assert_eq!((rejected.content.as_str(), rejected.status), ("", MessageStatus::Failed));
    assert_eq!(test.last_message().await.content, "Yes.");
}

#[tokio::test(start_paused = true)]
async fn a_broken_stream_fails_the_turn_and_keeps_the_partial_answer() {
    let test = TestChat::new().await;

    let request = test.ask(QUESTION).await;
    request.send_text(ANSWER).await;
    request.fail().await;
    settle().await;
    let published = test.published().await;
    let partial = test.last_message().await;
    test.ask_and_answer("Now?", "Yes.").await;

    assert_eq!(published[3..], ["error: model_failed", "end: Failed, Failed", "usage: 20"]);
    assert_eq!((partial.content.as_str(), partial.token_count), (ANSWER, 6));
    assert_eq!(partial.status, MessageStatus::Failed);
    assert_eq!(test.last_message().await.content, "Yes.");
}

#[tokio::test(start_paused = true)]
async fn an_empty_answer_says_why_and_the_next_request_alternates_roles() {
    for (is_cut_off, end) in [(false, "end: Failed, Failed"), (true, "end: Length, Truncated")] {
        let test = TestChat::new().await;
        let empty = ModelError::EmptyAnswer { is_cut_off, cause: "empty".into() };

        test.ask(QUESTION).await.fail_with(empty).await;
        settle().await;
        let published = test.published().await;
        let next = test.ask("Now?").await;

        assert_eq!(published[2..4], ["error: model_empty_answer", end]);
        assert_eq!(contents(&next.request), [format!("{QUESTION}\n\nNow?")]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_fails_only_its_own_turn() {
    let test = TestChat::new().await;
    let request = test.ask(QUESTION).await;
    let other_id = test.chat.conversations.start(test.user_id, None).await.unwrap().conversation_id;
    let other = ask_in(&test, other_id).await;

    request.send_text("Hm").await;
    request.panic().await;
    settle().await;
    let published = test.published().await;
    let panicked = test.last_message().await;
    other.send_text(ANSWER).await;
    other.finish(FinishReason::Stop).await;
    settle().await;

    assert_eq!(published[3..], ["error: internal", "end: Failed, Failed", "usage: 15"]);
    assert_eq!((panicked.content.as_str(), panicked.status), ("Hm", MessageStatus::Failed));
    let other_messages =
        test.chat.core.read_messages(test.user_id, other_id, None, 9).await.unwrap();
    assert_eq!(other_messages[1].status, MessageStatus::Complete);
}

async fn ask_in(test: &TestChat, id: ConversationId) -> ModelRequest {
    test.chat.turns.send(test.user_id, id, message(QUESTION)).await.unwrap();
    test.model.next_request().await
}

#[tokio::test(start_paused = true)]
async fn a_partial_answer_is_saved_after_two_seconds_as_interrupted() {
    let test = TestChat::new().await;
    let request = test.ask(QUESTION).await;
    request.send_text(ANSWER).await;

    sleep(Duration::from_millis(1_900)).await;
    let early = test.last_message().await;
    sleep(Duration::from_millis(200)).await;
    let saved = test.last_message().await;

    assert_eq!(early.content, "");
    assert_eq!((saved.content.as_str(), saved.token_count), (ANSWER, 6));
    assert_eq!(saved.status, MessageStatus::Interrupted);
}

#[tokio::test(start_paused = true)]
async fn a_partial_answer_is_saved_immediately_after_each_four_kilobytes() {
    let test = TestChat::new().await;
    let request = test.ask(QUESTION).await;

    let mut saved = Vec::new();
    for bytes in [4_095, 1, 4_095, 1] {
        request.send_text(&"x".repeat(bytes)).await;
        settle().await;
        saved.push(test.last_message().await.content.len());
    }

    assert_eq!(saved, [0, 4_096, 4_096, 8_192]);
    assert_eq!(test.last_message().await.status, MessageStatus::Interrupted);
}

#[tokio::test(start_paused = true)]
async fn a_turn_renews_its_lease_while_the_model_sends_nothing() {
    let test = TestChat::new().await;
    let request = test.ask(QUESTION).await;

    for _ in 0..30 {
        test.advance(Duration::from_secs(2)).await;
    }
    let during = test.send("Still there?").await;
    request.finish(FinishReason::Stop).await;
    settle().await;
    let afterwards = test.send("Still there?").await;

    assert_eq!(during.unwrap_err().code(), "turn_in_progress");
    assert!(afterwards.is_ok(), "{afterwards:?}");
}

#[tokio::test(start_paused = true)]
async fn the_final_save_is_retried_while_the_store_is_unavailable() {
    let mut store = accepting_store();
    let saved = Arc::new(Mutex::new(Vec::new()));
    store.expect_save_answer().times(3).returning(|_, _, _| Err(StoreError::unavailable("busy")));
    let recorded = Arc::clone(&saved);
    store.expect_save_answer().times(1).returning(move |_, answer, _| {
        recorded.lock().unwrap().push(answer);
        Ok(true)
    });
    let test = TestChat::new().await.with_ports(|ports| ports.conversations = Arc::new(store));

    test.ask_and_answer(QUESTION, ANSWER).await;
    sleep(Duration::from_secs(10)).await;

    assert_eq!(test.published().await[3..], ["end: Stop, Complete", "usage: 20"]);
    let saved = saved.lock().unwrap();
    assert_eq!((saved[0].content.as_str(), saved[0].token_count), (ANSWER, 6));
    assert_eq!((saved[0].status, saved[0].lease_until), (MessageStatus::Complete, None));
}

#[tokio::test(start_paused = true)]
async fn a_turn_fails_if_all_retries_of_the_final_save_fail() {
    let mut store = accepting_store();
    store.expect_save_answer().returning(|_, _, _| Err(StoreError::unavailable("gone")));
    let test = TestChat::new().await.with_ports(|ports| ports.conversations = Arc::new(store));

    test.ask_and_answer(QUESTION, ANSWER).await;
    let early = test.published().await;
    sleep(Duration::from_secs(10)).await;

    assert_eq!(early[2..], ["chunk: antidisestablishmentarianism"]);
    assert_eq!(
        test.published().await[3..],
        ["error: storage_unavailable", "end: Failed, Failed", "usage: 14"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_lost_its_lease_stops_within_two_seconds() {
    let mut store = accepting_store();
    store.expect_save_answer().returning(|_, _, _| Ok(false));
    let test = TestChat::new().await.with_ports(|ports| ports.conversations = Arc::new(store));
    let request = test.ask(QUESTION).await;

    sleep(Duration::from_millis(2_100)).await;

    assert!(request.is_cancelled());
    assert_eq!(test.published().await[2..], ["end: Stopped, Stopped", "usage: 14"]);
}
