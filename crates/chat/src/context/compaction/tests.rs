use tokio::time::Instant;
use webchat_domain::{FinishReason, MessageStatus};

use super::*;
use crate::testing::{ModelRequest, TestChat, prompted, settle};
use webchat_llm::ChatRequest;

/// A room of 1 000 tokens: 750 are tight, 250 are left by a fold.
async fn small_window() -> TestChat {
    TestChat::with_window(1_800, 800).await
}

/// A text of so many tokens.
fn tokens(count: usize) -> String {
    let text = format!("a{}", " tide".repeat(count - 1));
    assert_eq!(webchat_tokens::TokenCounter::load().count(&text), u32::try_from(count).unwrap());
    text
}

async fn summary_request(test: &TestChat) -> ModelRequest {
    let request = test.model.next_request().await;
    assert_eq!(request.request.messages[0].content, SUMMARISE, "requests a summary");
    request
}

async fn summarise(test: &TestChat, summary: &str) -> ChatRequest {
    let pending = summary_request(test).await;
    let request = pending.request.clone();
    pending.send_text(summary).await;
    pending.finish(FinishReason::Stop).await;
    settle().await;
    request
}

async fn summary(test: &TestChat) -> Option<Summary> {
    test.chat.contexts.view(test.user_id, test.id).await.unwrap().context.summary
}

async fn ledger(test: &TestChat) -> webchat_domain::Ledger {
    test.chat.contexts.view(test.user_id, test.id).await.unwrap().ledger
}

/// Two exchanges of 400 tokens each: now it is tight.
async fn fill(test: &TestChat) {
    test.ask_and_answer(&format!("first {}", tokens(190)), &tokens(200)).await;
    test.ask_and_answer(&format!("second {}", tokens(190)), &tokens(200)).await;
}

#[tokio::test(start_paused = true)]
async fn when_it_gets_tight_the_oldest_messages_are_summarised_in_the_background() {
    let test = small_window().await;
    fill(&test).await;

    let summary_request = summarise(&test, "They spoke of tides.").await;
    let kept = summary(&test).await.unwrap();
    let request = test.ask("And now?").await;

    let transcript = &summary_request.messages[1].content;
    assert!(transcript.starts_with("User: first a tide") && transcript.contains("second a tide"));
    assert_eq!((kept.through, kept.message_count, kept.token_count), (3, 3, 5));
    assert_eq!(kept.author, SummaryAuthor::Model);
    let sent: Vec<_> = request.request.messages.iter().map(|one| one.content.as_str()).collect();
    let heading = "Summary of the conversation so far:\nThey spoke of tides.";
    assert_eq!(sent, [heading, tokens(200).as_str(), "And now?"]);
    assert!(test.published().await.contains(&"compacted: 3".to_owned()));
    assert_eq!(test.messages().await.len(), 6, "nothing is deleted");
    assert_eq!(ledger(&test).await.left_out_messages, 0);
}

#[tokio::test(start_paused = true)]
async fn the_next_summary_is_made_of_the_last_one_and_the_new_messages_alone() {
    let test = small_window().await;
    fill(&test).await;
    summarise(&test, "They spoke of tides.").await;
    fill(&test).await;

    let request = summarise(&test, "Tides, again.").await;

    let given = &request.messages[1].content;
    assert!(given.starts_with("Summary of the conversation so far:\nThey spoke of tides.\n\n"));
    assert!(!given.contains("[first]") && given.matches("second a tide").count() <= 1, "{given}");
    let kept = summary(&test).await.unwrap();
    assert_eq!(kept.text, "Tides, again.");
    assert!(kept.through > 3);
}

#[tokio::test(start_paused = true)]
async fn what_does_not_fit_any_more_is_summarised_before_the_answer() {
    let test = small_window().await;
    test.ask_and_answer(&tokens(300), &tokens(300)).await;

    test.send(&tokens(500)).await.unwrap();
    summarise(&test, "They spoke of tides.").await;
    let request = test.model.next_request().await;

    let sent: Vec<_> = request.request.messages.iter().map(|one| one.content.as_str()).collect();
    assert_eq!(sent.len(), 2, "{sent:?}");
    assert!(sent[0].ends_with("They spoke of tides."));
    assert_eq!(sent[1], tokens(500));
}

#[tokio::test(start_paused = true)]
async fn a_summary_that_fails_changes_nothing_and_the_next_turn_tries_again() {
    let test = small_window().await;
    test.ask_and_answer(&tokens(300), &tokens(300)).await;

    test.send(&tokens(500)).await.unwrap();
    summary_request(&test).await.fail().await;
    let answered = test.model.next_request().await;
    answered.send_text("Yes.").await;
    answered.finish(FinishReason::Stop).await;
    settle().await;

    assert_eq!(summary(&test).await, None);
    assert_eq!(test.last_message().await.status, MessageStatus::Complete);
    let told = test.events().await;
    let usage = told.iter().rev().find_map(|event| match &event.body {
        webchat_domain::EventBody::TokenUsage(usage) => Some(usage.ledger),
        _ => None,
    });
    assert_eq!(usage.unwrap().left_out_messages, 1);
    test.send("Again?").await.unwrap();
    summarise(&test, "They spoke of tides.").await;
    assert!(summary(&test).await.is_some());
}

#[tokio::test(start_paused = true)]
async fn an_empty_summary_is_none() {
    let test = small_window().await;
    fill(&test).await;

    summarise(&test, " \n").await;

    assert_eq!(summary(&test).await, None);
}

#[tokio::test(start_paused = true)]
async fn a_summary_that_is_too_long_is_cut_at_the_end_of_a_sentence() {
    let test = small_window().await;
    fill(&test).await;

    let request = summarise(&test, &"The moon makes the tides. ".repeat(99)).await;

    let kept = summary(&test).await.unwrap();
    assert_eq!(request.max_reply_tokens, 250);
    assert!((200..=250).contains(&kept.token_count), "{}", kept.token_count);
    assert!(kept.text.ends_with("tides."), "{}", kept.text);
}

#[tokio::test(start_paused = true)]
async fn one_summary_is_made_at_a_time_also_by_two_servers() {
    let test = small_window().await;
    fill(&test).await;
    let request = summary_request(&test).await;
    let elsewhere = Compaction {
        core: test.another_instance().core,
        user_id: test.user_id,
        id: test.id,
        before: 5,
    };

    tokio::join!(elsewhere.run(), async {
        settle().await;
        request.send_text("They spoke of tides.").await;
        request.finish(FinishReason::Stop).await;
    });

    assert_eq!(test.model.request_count(), 3, "the second found nothing left to fold");
}

#[tokio::test(start_paused = true)]
async fn what_the_user_writes_meanwhile_stays() {
    let test = small_window().await;
    fill(&test).await;
    let request = summary_request(&test).await;

    let prompt = prompted("Be brief.");
    test.chat.contexts.edit(test.user_id, test.id, prompt, None).await.unwrap();
    request.send_text("They spoke of tides.").await;
    request.finish(FinishReason::Stop).await;
    settle().await;

    let context = test.chat.contexts.view(test.user_id, test.id).await.unwrap().context;
    assert_eq!(context.system_prompt.unwrap().text, "Be brief.");
    assert_eq!(context.summary, None);
}

#[tokio::test(start_paused = true)]
async fn a_summary_of_what_is_no_longer_visible_is_not_kept() {
    let test = small_window().await;
    fill(&test).await;
    let request = summary_request(&test).await;

    test.chat.turns.regenerate(test.user_id, test.id, None, None).await.unwrap();
    request.answer("They spoke of tides.", FinishReason::Stop).await;

    assert_eq!(summary(&test).await, None);
}

#[tokio::test(start_paused = true)]
async fn behind_many_hidden_messages_each_visible_one_is_summarised_once() {
    let test = small_window().await;
    test.append_messages(std::iter::repeat_n("hidden".to_owned(), 180)).await;
    let oldest = test.chat.core.read_messages(test.user_id, test.id, Some(2), 1).await.unwrap();
    let edit = crate::testing::message("shown 0.");
    test.chat.turns.edit(test.user_id, test.id, oldest[0].message_id, edit).await.unwrap();
    test.model.next_request().await.answer("Yes.", FinishReason::Stop).await;
    let shown = (1..100).map(|number| format!("shown {number}. {}", tokens(40)));
    test.append_messages(shown).await;

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

    let kept = summary(&test).await.unwrap();
    assert!(kept.message_count > 90, "{kept:?}");
    // The answer to the first one counts too.
    let numbers = (0..kept.message_count - 1).map(|number| format!("shown {number}."));
    for shown in numbers {
        assert_eq!(transcripts.matches(&shown).count(), 1, "{shown}");
    }
    assert!(!transcripts.contains("hidden"));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_may_go_on_is_not_summarised() {
    let test = small_window().await;
    test.ask_and_answer(&tokens(190), &tokens(200)).await;
    test.ask(&tokens(190)).await.answer(&tokens(300), FinishReason::Length).await;

    summarise(&test, "They spoke of tides.").await;
    test.chat.turns.continue_answer(test.user_id, test.id, None, None).await.unwrap();
    let request = test.model.next_request().await;

    assert_eq!(summary(&test).await.unwrap().through, 2);
    assert_eq!(request.contents()[1..3], [tokens(190), tokens(300)]);
}

#[tokio::test(start_paused = true)]
async fn shutdown_cuts_a_summary_off_and_leaves_the_way_free() {
    let test = small_window().await;
    fill(&test).await;
    let request = summary_request(&test).await;

    test.chat.shutdown(Duration::from_secs(1)).await;

    assert!(request.is_cancelled());
    assert_eq!(summary(&test).await, None);
    assert!(takes_the_right(&test).await);
}

#[tokio::test(start_paused = true)]
async fn shutdown_does_not_wait_for_the_right_that_somebody_else_has() {
    let test = small_window().await;
    assert!(takes_the_right(&test).await);
    fill(&test).await;
    let began = Instant::now();

    test.chat.shutdown(Duration::from_secs(1)).await;

    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    assert_eq!(summary(&test).await, None);
}

/// Another instance tries to.
async fn takes_the_right(test: &TestChat) -> bool {
    let now = test.chat.core.ports.clock.now();
    test.chat
        .core
        .ports
        .contexts
        .begin_compaction(test.id, now, now.plus(COMPACTION_LEASE))
        .await
        .unwrap()
}

#[tokio::test(start_paused = true)]
async fn who_summarises_for_long_keeps_the_right_to_until_it_is_done() {
    let test = small_window().await;
    fill(&test).await;
    let request = summary_request(&test).await;

    for _ in 0..30 {
        test.advance(Duration::from_secs(1)).await;
    }
    let meanwhile = takes_the_right(&test).await;
    request.answer("They spoke of tides.", FinishReason::Stop).await;

    assert!(!meanwhile);
    assert_eq!(summary(&test).await.unwrap().text, "They spoke of tides.");
    assert!(takes_the_right(&test).await);
}

#[tokio::test(start_paused = true)]
async fn who_has_lost_the_right_to_summarise_stops() {
    let test = small_window().await;
    fill(&test).await;
    let request = summary_request(&test).await;

    // As if this instance had slept.
    test.clock.advance(COMPACTION_LEASE);
    assert!(takes_the_right(&test).await);
    test.advance(RENEW_INTERVAL * 2).await;

    assert!(request.is_cancelled());
}

#[tokio::test(start_paused = true)]
async fn a_turn_waits_no_longer_than_a_hold_for_an_instance_that_died_while_it_summarised() {
    let test = small_window().await;
    for _ in 0..4 {
        test.append_message(&tokens(400)).await;
    }
    assert!(takes_the_right(&test).await);
    test.send("And now?").await.unwrap();

    for _ in 1..COMPACTION_LEASE.as_secs() {
        test.advance(Duration::from_secs(1)).await;
    }
    let early = test.model.request_count();
    for _ in 0..2 {
        test.advance(Duration::from_secs(1)).await;
    }

    assert_eq!(early, 0);
    summarise(&test, "They spoke of tides.").await;
}

#[tokio::test(start_paused = true)]
async fn more_than_the_window_holds_is_summarised_in_pieces() {
    let test = small_window().await;
    for _ in 0..12 {
        test.append_message(&tokens(400)).await;
    }

    test.send("And now?").await.unwrap();
    let mut pieces = 0;
    let request = loop {
        let request = test.model.next_request().await;
        if request.request.messages[0].content != SUMMARISE {
            break request;
        }
        pieces += 1;
        request.send_text(&format!("Summary {pieces}.")).await;
        request.finish(FinishReason::Stop).await;
    };

    assert_eq!(pieces, 6, "of two messages each");
    let sent = &request.request.messages;
    assert!(sent[0].content.ends_with("Summary 6."), "{sent:?}");
    assert_eq!(summary(&test).await.unwrap().message_count, 12);
}
