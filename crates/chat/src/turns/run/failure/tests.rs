//! Tests of turns that are cut off.

use std::time::Duration;

use webchat_domain::{FinishReason, MessageStatus};

use crate::models::answer_bounds::MAX_ANSWER_BYTES;
use crate::testing::{QUESTION, TestChat, settle};

/// The maximum size of an answer of 800 tokens in bytes.
const MAX_BYTES: usize = 800 * 8 + 16 * 1024;

async fn assert_cut_off(test: &TestChat, code: &str) {
    let answer = test.last_message().await;
    assert_eq!(answer.status, MessageStatus::Truncated);
    assert_eq!(answer.error.unwrap().code, code);
    let published = test.published().await;
    let [.., error, end, _usage] = published.as_slice() else { panic!("{published:?}") };
    assert_eq!(
        (error.as_str(), end.as_str()),
        (&*format!("error: {code}"), "end: Length, Truncated")
    );
    let chunks: String =
        published.iter().filter_map(|event| event.strip_prefix("chunk: ")).collect();
    assert_eq!(chunks, answer.content, "clients and store have different texts");
}

#[tokio::test(start_paused = true)]
async fn an_endless_answer_ends_at_its_maximum_size_and_the_connection_is_closed() {
    let test = TestChat::new().await;
    let request = test.ask(QUESTION).await;

    while request.try_send_text("tide ").await {}
    settle().await;

    assert!(request.is_cancelled());
    let answer = test.last_message().await;
    assert_eq!(answer.content.len(), MAX_BYTES);
    assert!(answer.content.starts_with("tide tide "));
    assert_cut_off(&test, "answer_too_long").await;
    test.ask_and_answer("And now?", "It is low.").await;
}

#[tokio::test(start_paused = true)]
async fn a_huge_chunk_is_truncated_between_characters() {
    let test = TestChat::new().await;

    let request = test.ask(QUESTION).await;
    request.send_text(&"ä€".repeat(4 * MAX_BYTES)).await;
    settle().await;

    assert!(test.last_message().await.content.len() > MAX_BYTES - 3);
    assert_cut_off(&test, "answer_too_long").await;
}

#[tokio::test(start_paused = true)]
async fn a_turn_whose_model_sends_no_text_ends_at_the_maximum_duration() {
    let max_turn_duration = Duration::from_mins(2);
    let test =
        TestChat::with_settings(|settings| settings.max_turn_duration = max_turn_duration).await;
    let request = test.ask(QUESTION).await;
    request.send_text("tide").await;

    test.advance(max_turn_duration.saturating_sub(Duration::from_secs(1))).await;
    let is_cancelled_early = request.is_cancelled();
    test.advance(Duration::from_secs(2)).await;

    assert!(!is_cancelled_early && request.is_cancelled());
    assert_eq!(test.last_message().await.content, "tide");
    assert_cut_off(&test, "turn_too_long").await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_of_the_maximum_size_cannot_be_continued() {
    let test = TestChat::with_window(1_000_000, 200_000).await;
    let request = test.ask(QUESTION).await;
    request.answer(&"tide ".repeat(MAX_ANSWER_BYTES / 4), FinishReason::Stop).await;
    assert_cut_off(&test, "answer_too_long").await;

    let rejected =
        test.chat.turns.continue_answer(test.user_id, test.conversation_id, None, None).await;

    assert_eq!(rejected.unwrap_err().code(), "nothing_to_continue");
    assert_eq!(test.last_message().await.content.len(), MAX_ANSWER_BYTES);
}
