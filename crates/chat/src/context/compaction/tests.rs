//! Tests of compaction.

mod several_requests;

use tokio::time::Instant;
use webchat_domain::{FinishReason, MessageStatus};

use super::*;
use crate::testing::{ModelRequest, TestChat, prompt_edit, settle};
use crate::turns::lease::RENEW_INTERVAL;
use webchat_llm::{AnswerLimit, ChatRequest};
use webchat_tokens::FILLER;

/// Returns a chat whose window has 1 000 tokens for messages: a conversation with more than 750 tokens is compacted
/// to 250.
async fn chat_with_small_window() -> TestChat {
    TestChat::with_window(1_800, 800).await
}

/// Returns a text of `count` tokens.
fn text_of(count: usize) -> String {
    let text = format!("a{}", " tide".repeat(count - 1));
    assert_eq!(webchat_tokens::TokenCounter::default().count(&text), u32::try_from(count).unwrap());
    text
}

async fn summary_request(test: &TestChat) -> ModelRequest {
    let request = test.model.next_request().await;
    assert_eq!(request.request.messages[0].content, SUMMARISE, "the request is not for a summary");
    request
}

async fn answer_summary_request(test: &TestChat, summary: &str) -> ChatRequest {
    let summary_request = summary_request(test).await;
    let request = summary_request.request.clone();
    summary_request.send_text(summary).await;
    summary_request.finish(FinishReason::Stop).await;
    settle().await;
    request
}

async fn summary(test: &TestChat) -> Option<Summary> {
    test.chat.contexts.view(test.user_id, test.conversation_id).await.unwrap().context.summary
}

async fn ledger(test: &TestChat) -> webchat_domain::Ledger {
    test.chat.contexts.view(test.user_id, test.conversation_id).await.unwrap().ledger
}

/// Adds two questions and answers, which trigger a compaction of all but the last answer.
async fn add_messages_until_compaction(test: &TestChat) {
    test.ask_and_answer(&format!("first {}", text_of(210)), &text_of(230)).await;
    test.ask_and_answer(&format!("second {}", text_of(210)), &text_of(100)).await;
}

#[tokio::test(start_paused = true)]
async fn the_oldest_messages_of_a_nearly_full_window_are_summarised_in_the_background() {
    let test = chat_with_small_window().await;
    add_messages_until_compaction(&test).await;

    let summary_request = answer_summary_request(&test, "They spoke of tides.").await;
    let stored = summary(&test).await.unwrap();
    let request = test.ask("And now?").await;

    let transcript = &summary_request.messages[1].content;
    assert!(transcript.starts_with("User: first a tide") && transcript.contains("second a tide"));
    assert_eq!((stored.through, stored.message_count, stored.token_count), (3, 3, 5));
    assert_eq!(stored.author, SummaryAuthor::Model);
    let summary_message = "Summary of the conversation so far:\nThey spoke of tides.";
    let answer = text_of(100);
    assert_eq!(request.contents(), [summary_message, FILLER, &answer, "And now?"]);
    assert!(test.published().await.contains(&"compacted: 3".to_owned()));
    assert_eq!(test.messages().await.len(), 6, "messages were deleted");
    assert_eq!(ledger(&test).await.left_out_messages, 0);
}

#[tokio::test(start_paused = true)]
async fn the_next_summary_combines_the_previous_one_with_only_the_new_messages() {
    let test = chat_with_small_window().await;
    add_messages_until_compaction(&test).await;
    answer_summary_request(&test, "They spoke of tides.").await;
    add_messages_until_compaction(&test).await;

    let request = answer_summary_request(&test, "Tides, again.").await;

    let content = &request.messages[1].content;
    assert!(content.starts_with("Summary of the conversation so far:\nThey spoke of tides.\n\n"));
    for question in ["first a tide", "second a tide"] {
        assert_eq!(content.matches(question).count(), 1, "{content}");
    }
    let stored = summary(&test).await.unwrap();
    assert_eq!(stored.text, "Tides, again.");
    assert!(stored.through > 3);
}

#[tokio::test(start_paused = true)]
async fn messages_that_no_longer_fit_are_summarised_before_the_answer() {
    let test = chat_with_small_window().await;
    test.ask_and_answer(&text_of(300), &text_of(300)).await;

    test.send(&text_of(500)).await.unwrap();
    answer_summary_request(&test, "They spoke of tides.").await;
    let request = test.model.next_request().await;

    let contents = request.contents();
    assert_eq!(contents.len(), 2, "{contents:?}");
    assert!(contents[0].ends_with("They spoke of tides."));
    assert_eq!(contents[1], text_of(500));
}

#[tokio::test(start_paused = true)]
async fn a_failed_summary_changes_nothing_and_is_retried_by_the_next_turn() {
    let test = chat_with_small_window().await;
    test.ask_and_answer(&text_of(300), &text_of(300)).await;

    test.send(&text_of(500)).await.unwrap();
    summary_request(&test).await.fail().await;
    let answer = test.model.next_request().await;
    answer.send_text("Yes.").await;
    answer.finish(FinishReason::Stop).await;
    settle().await;

    assert_eq!(summary(&test).await, None);
    assert_eq!(test.last_message().await.status, MessageStatus::Complete);
    let events = test.events().await;
    let usage = events.iter().rev().find_map(|event| match &event.body {
        webchat_domain::EventBody::TokenUsage(usage) => Some(usage.ledger),
        _ => None,
    });
    assert_eq!(usage.unwrap().left_out_messages, 1);
    test.send("Again?").await.unwrap();
    answer_summary_request(&test, "They spoke of tides.").await;
    assert!(summary(&test).await.is_some());
}

#[tokio::test(start_paused = true)]
async fn an_empty_summary_is_not_stored() {
    let test = chat_with_small_window().await;
    add_messages_until_compaction(&test).await;

    answer_summary_request(&test, " \n").await;

    assert_eq!(summary(&test).await, None);
}

#[tokio::test(start_paused = true)]
async fn a_summary_that_is_cut_off_filtered_or_only_reasoning_is_not_used() {
    for (text, reason) in [
        ("They spoke of", FinishReason::Length),
        ("They spoke of", FinishReason::ContentFilter),
        ("<think>They spoke of tides.", FinishReason::Stop),
    ] {
        let test = chat_with_small_window().await;
        add_messages_until_compaction(&test).await;

        summary_request(&test).await.answer(text, reason).await;
        let stored = summary(&test).await;
        test.send("And now?").await.unwrap();
        let request = test.model.next_request().await;

        assert_eq!(stored, None, "{reason:?}");
        assert!(request.contents()[0].starts_with("first "), "{:?}", request.contents());
    }
}

#[tokio::test(start_paused = true)]
async fn reasoning_is_removed_from_a_summary() {
    let test = chat_with_small_window().await;
    add_messages_until_compaction(&test).await;

    answer_summary_request(&test, "<think>\nTides.\n</think>\n\nThey spoke of tides.").await;

    assert_eq!(summary(&test).await.unwrap().text, "They spoke of tides.");
}

#[tokio::test(start_paused = true)]
async fn a_summary_that_is_too_long_is_truncated_at_the_end_of_a_sentence() {
    let test = chat_with_small_window().await;
    add_messages_until_compaction(&test).await;

    let request = answer_summary_request(&test, &"The moon makes the tides. ".repeat(99)).await;

    let stored = summary(&test).await.unwrap();
    assert_eq!(request.answer_limit, AnswerLimit::Tokens(250));
    assert!((200..=250).contains(&stored.token_count), "{}", stored.token_count);
    assert!(stored.text.ends_with("tides."), "{}", stored.text);
}

#[tokio::test(start_paused = true)]
async fn two_instances_do_not_summarise_at_the_same_time() {
    let test = chat_with_small_window().await;
    add_messages_until_compaction(&test).await;
    let request = summary_request(&test).await;
    let other = Compaction {
        core: test.another_instance().core,
        caller: test.user_id.into(),
        id: test.conversation_id,
        before: 5,
        model: test.chat.models().first(),
    };

    tokio::join!(other.run(), async {
        settle().await;
        request.send_text("They spoke of tides.").await;
        request.finish(FinishReason::Stop).await;
    });

    assert_eq!(test.model.request_count(), 3, "the second instance sent a request");
}

#[tokio::test(start_paused = true)]
async fn a_context_edit_during_compaction_discards_the_summary() {
    let test = chat_with_small_window().await;
    add_messages_until_compaction(&test).await;
    let request = summary_request(&test).await;

    let prompt = prompt_edit("Be brief.");
    test.chat.contexts.edit(test.user_id, test.conversation_id, prompt, None).await.unwrap();
    request.send_text("They spoke of tides.").await;
    request.finish(FinishReason::Stop).await;
    settle().await;

    let context =
        test.chat.contexts.view(test.user_id, test.conversation_id).await.unwrap().context;
    assert_eq!(context.system_prompt.unwrap().text, "Be brief.");
    assert_eq!(context.summary, None);
}

#[tokio::test(start_paused = true)]
async fn a_summary_of_messages_that_are_no_longer_visible_is_not_stored() {
    let test = chat_with_small_window().await;
    add_messages_until_compaction(&test).await;
    let request = summary_request(&test).await;

    test.chat.turns.regenerate(test.user_id, test.conversation_id, None, None, None).await.unwrap();
    request.answer("They spoke of tides.", FinishReason::Stop).await;

    assert_eq!(summary(&test).await, None);
}

#[tokio::test(start_paused = true)]
async fn each_visible_message_is_summarised_once_after_many_hidden_messages() {
    let test = chat_with_small_window().await;
    test.append_messages(std::iter::repeat_n("hidden".to_owned(), 180)).await;
    let oldest =
        test.chat.core.read_messages(test.user_id, test.conversation_id, Some(2), 1).await.unwrap();
    let edit = crate::testing::message("shown 0.");
    test.chat
        .turns
        .edit(test.user_id, test.conversation_id, oldest[0].message_id, edit)
        .await
        .unwrap();
    test.model.next_request().await.answer("Yes.", FinishReason::Stop).await;
    let visible = (1..80).map(|number| format!("shown {number}. {}", text_of(40)));
    test.append_messages(visible).await;

    test.send("And now?").await.unwrap();
    let mut transcripts = String::new();
    loop {
        let request = test.model.next_request().await;
        if request.request.messages[0].content != SUMMARISE {
            break;
        }
        transcripts += request.contents()[1];
        request.answer("They spoke of tides.", FinishReason::Stop).await;
    }

    let stored = summary(&test).await.unwrap();
    assert!(stored.message_count > 70, "{stored:?}");
    // The count includes the answer to the first message.
    for number in 0..stored.message_count - 1 {
        let content = format!("shown {number}.");
        assert_eq!(transcripts.matches(&content).count(), 1, "{content}");
    }
    assert!(!transcripts.contains("hidden"));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_can_be_continued_is_not_summarised() {
    let test = chat_with_small_window().await;
    test.ask_and_answer(&text_of(190), &text_of(200)).await;
    test.ask(&text_of(100)).await.answer(&text_of(300), FinishReason::Length).await;

    answer_summary_request(&test, "They spoke of tides.").await;
    test.chat.turns.continue_answer(test.user_id, test.conversation_id, None, None).await.unwrap();
    let request = test.model.next_request().await;

    assert_eq!(summary(&test).await.unwrap().through, 2);
    assert_eq!(request.contents()[1..3], [text_of(100), text_of(300)]);
}

#[tokio::test(start_paused = true)]
async fn shutdown_cancels_a_summary_and_releases_the_lease() {
    let test = chat_with_small_window().await;
    add_messages_until_compaction(&test).await;
    let request = summary_request(&test).await;

    test.chat.shutdown(Duration::from_secs(1)).await;

    assert!(request.is_cancelled());
    assert_eq!(summary(&test).await, None);
    assert!(try_acquire_lease_as_other_instance(&test).await);
}

#[tokio::test(start_paused = true)]
async fn shutdown_does_not_wait_for_the_lease_of_another_instance() {
    let test = chat_with_small_window().await;
    assert!(try_acquire_lease_as_other_instance(&test).await);
    add_messages_until_compaction(&test).await;
    let started_at = Instant::now();

    test.chat.shutdown(Duration::from_secs(1)).await;

    assert!(started_at.elapsed() < Duration::from_secs(2), "{:?}", started_at.elapsed());
    assert_eq!(summary(&test).await, None);
}

/// Tries to acquire the lease as another instance. Returns whether it succeeded.
async fn try_acquire_lease_as_other_instance(test: &TestChat) -> bool {
    let now = test.chat.core.ports.clock.now();
    test.chat
        .core
        .ports
        .contexts
        .acquire_compaction_lease(test.conversation_id, now, now.plus(COMPACTION_LEASE_DURATION))
        .await
        .unwrap()
}

#[tokio::test(start_paused = true)]
async fn the_lease_is_renewed_until_a_long_compaction_is_done() {
    let test = chat_with_small_window().await;
    add_messages_until_compaction(&test).await;
    let request = summary_request(&test).await;

    for _ in 0..30 {
        test.advance(Duration::from_secs(1)).await;
    }
    let acquired_during_compaction = try_acquire_lease_as_other_instance(&test).await;
    request.answer("They spoke of tides.", FinishReason::Stop).await;

    assert!(!acquired_during_compaction);
    assert_eq!(summary(&test).await.unwrap().text, "They spoke of tides.");
    assert!(try_acquire_lease_as_other_instance(&test).await);
}

#[tokio::test(start_paused = true)]
async fn a_compaction_that_lost_its_lease_is_cancelled() {
    let test = chat_with_small_window().await;
    add_messages_until_compaction(&test).await;
    let request = summary_request(&test).await;

    // Simulate an instance that was suspended past its lease.
    test.clock.advance(COMPACTION_LEASE_DURATION);
    assert!(try_acquire_lease_as_other_instance(&test).await);
    test.advance(RENEW_INTERVAL * 2).await;

    assert!(request.is_cancelled());
}

#[tokio::test(start_paused = true)]
async fn a_turn_waits_for_the_lease_of_a_dead_instance_only_until_it_expires() {
    let test = chat_with_small_window().await;
    for _ in 0..4 {
        test.append_message(&text_of(400)).await;
    }
    assert!(try_acquire_lease_as_other_instance(&test).await);
    test.send("And now?").await.unwrap();

    for _ in 1..COMPACTION_LEASE_DURATION.as_secs() {
        test.advance(Duration::from_secs(1)).await;
    }
    let requests_before_expiry = test.model.request_count();
    for _ in 0..2 {
        test.advance(Duration::from_secs(1)).await;
    }

    assert_eq!(requests_before_expiry, 0);
    answer_summary_request(&test, "They spoke of tides.").await;
}
