use tokio::time::Instant;
use webchat_domain::{FinishReason, MessageStatus};

use super::*;
use crate::testing::{Asked, Room, prompted, settle};

/// A room of 1 000 tokens: 750 are tight, 250 are left by a fold.
async fn small_room() -> Room {
    Room::with_window(1_800, 800).await
}

/// A text of so many tokens.
fn tokens(count: usize) -> String {
    let text = format!("a{}", " tide".repeat(count - 1));
    assert_eq!(webchat_tokens::TokenCounter::load().count(&text), u32::try_from(count).unwrap());
    text
}

async fn summary_request(room: &Room) -> Asked {
    let asked = room.model.asked().await;
    assert_eq!(asked.request.messages[0].content, SUMMARISE, "a summary is asked for");
    asked
}

async fn summarise(room: &Room, text: &str) -> ChatRequest {
    let asked = summary_request(room).await;
    let request = asked.request.clone();
    asked.say(text).await;
    asked.finish(FinishReason::Stop).await;
    settle().await;
    request
}

async fn summary(room: &Room) -> Option<Summary> {
    room.chat.contexts.view(room.user_id, room.id).await.unwrap().context.summary
}

async fn ledger(room: &Room) -> webchat_domain::Ledger {
    room.chat.contexts.view(room.user_id, room.id).await.unwrap().ledger
}

/// Two exchanges of 400 tokens each: now it is tight.
async fn fill(room: &Room) {
    room.ask_and_answer(&format!("first {}", tokens(190)), &tokens(200)).await;
    room.ask_and_answer(&format!("second {}", tokens(190)), &tokens(200)).await;
}

#[tokio::test(start_paused = true)]
async fn when_it_gets_tight_the_oldest_messages_are_summarised_in_the_background() {
    let room = small_room().await;
    fill(&room).await;

    let request = summarise(&room, "They spoke of tides.").await;
    let kept = summary(&room).await.unwrap();
    let asked = room.ask("And now?").await;

    let transcript = &request.messages[1].content;
    assert!(transcript.starts_with("User: first a tide") && transcript.contains("second a tide"));
    assert_eq!((kept.through, kept.message_count, kept.token_count), (3, 3, 5));
    assert_eq!(kept.author, SummaryAuthor::Model);
    let sent: Vec<_> = asked.request.messages.iter().map(|one| one.content.as_str()).collect();
    let heading = "Summary of the conversation so far:\nThey spoke of tides.";
    assert_eq!(sent, [heading, tokens(200).as_str(), "And now?"]);
    assert!(room.told().await.contains(&"compacted: 3".to_owned()));
    assert_eq!(room.stored().await.len(), 6, "nothing is deleted");
    assert_eq!(ledger(&room).await.left_out_messages, 0);
}

#[tokio::test(start_paused = true)]
async fn the_next_summary_is_made_of_the_last_one_and_the_new_messages_alone() {
    let room = small_room().await;
    fill(&room).await;
    summarise(&room, "They spoke of tides.").await;
    fill(&room).await;

    let request = summarise(&room, "Tides, again.").await;

    let given = &request.messages[1].content;
    assert!(given.starts_with("Summary of the conversation so far:\nThey spoke of tides.\n\n"));
    assert!(!given.contains("[first]") && given.matches("second a tide").count() <= 1, "{given}");
    let kept = summary(&room).await.unwrap();
    assert_eq!(kept.text, "Tides, again.");
    assert!(kept.through > 3);
}

#[tokio::test(start_paused = true)]
async fn what_does_not_fit_any_more_is_summarised_before_the_answer() {
    let room = small_room().await;
    room.ask_and_answer(&tokens(300), &tokens(300)).await;

    room.send(&tokens(500)).await.unwrap();
    summarise(&room, "They spoke of tides.").await;
    let asked = room.model.asked().await;

    let sent: Vec<_> = asked.request.messages.iter().map(|one| one.content.as_str()).collect();
    assert_eq!(sent.len(), 2, "{sent:?}");
    assert!(sent[0].ends_with("They spoke of tides."));
    assert_eq!(sent[1], tokens(500));
}

#[tokio::test(start_paused = true)]
async fn a_summary_that_fails_changes_nothing_and_the_next_turn_tries_again() {
    let room = small_room().await;
    room.ask_and_answer(&tokens(300), &tokens(300)).await;

    room.send(&tokens(500)).await.unwrap();
    summary_request(&room).await.fail().await;
    let answered = room.model.asked().await;
    answered.say("Yes.").await;
    answered.finish(FinishReason::Stop).await;
    settle().await;

    assert_eq!(summary(&room).await, None);
    assert_eq!(room.last_stored().await.status, MessageStatus::Complete);
    let told = room.events().await;
    let usage = told.iter().rev().find_map(|event| match &event.body {
        webchat_domain::EventBody::TokenUsage(usage) => Some(usage.ledger),
        _ => None,
    });
    assert_eq!(usage.unwrap().left_out_messages, 1);
    room.send("Again?").await.unwrap();
    summarise(&room, "They spoke of tides.").await;
    assert!(summary(&room).await.is_some());
}

#[tokio::test(start_paused = true)]
async fn an_empty_summary_is_none() {
    let room = small_room().await;
    fill(&room).await;

    summarise(&room, " \n").await;

    assert_eq!(summary(&room).await, None);
}

#[tokio::test(start_paused = true)]
async fn a_summary_that_is_too_long_is_cut_at_the_end_of_a_sentence() {
    let room = small_room().await;
    fill(&room).await;

    let request = summarise(&room, &"The moon makes the tides. ".repeat(99)).await;

    let kept = summary(&room).await.unwrap();
    assert_eq!(request.max_reply_tokens, 250);
    assert!((200..=250).contains(&kept.token_count), "{}", kept.token_count);
    assert!(kept.text.ends_with("tides."), "{}", kept.text);
}

#[tokio::test(start_paused = true)]
async fn one_summary_is_made_at_a_time_also_by_two_servers() {
    let room = small_room().await;
    fill(&room).await;
    let asked = summary_request(&room).await;
    let elsewhere = Compaction {
        core: room.another_instance().core,
        user_id: room.user_id,
        id: room.id,
        before: 5,
    };

    tokio::join!(elsewhere.run(), async {
        settle().await;
        asked.say("They spoke of tides.").await;
        asked.finish(FinishReason::Stop).await;
    });

    assert_eq!(room.model.times_asked(), 3, "the second found nothing left to fold");
}

#[tokio::test(start_paused = true)]
async fn what_the_user_writes_meanwhile_stays() {
    let room = small_room().await;
    fill(&room).await;
    let asked = summary_request(&room).await;

    let prompt = prompted("Be brief.");
    room.chat.contexts.edit(room.user_id, room.id, prompt, None).await.unwrap();
    asked.say("They spoke of tides.").await;
    asked.finish(FinishReason::Stop).await;
    settle().await;

    let context = room.chat.contexts.view(room.user_id, room.id).await.unwrap().context;
    assert_eq!(context.system_prompt.unwrap().text, "Be brief.");
    assert_eq!(context.summary, None);
}

#[tokio::test(start_paused = true)]
async fn a_summary_of_what_is_no_longer_visible_is_not_kept() {
    let room = small_room().await;
    fill(&room).await;
    let asked = summary_request(&room).await;

    room.chat.turns.regenerate(room.user_id, room.id, None, None).await.unwrap();
    asked.answer("They spoke of tides.", FinishReason::Stop).await;

    assert_eq!(summary(&room).await, None);
}

#[tokio::test(start_paused = true)]
async fn behind_many_hidden_messages_each_visible_one_is_summarised_once() {
    let room = small_room().await;
    room.import_all(std::iter::repeat_n("hidden".to_owned(), 180)).await;
    let oldest = room.chat.core.read_messages(room.user_id, room.id, Some(2), 1).await.unwrap();
    let edit = crate::testing::message("shown 0.");
    room.chat.turns.edit(room.user_id, room.id, oldest[0].message_id, edit).await.unwrap();
    room.model.asked().await.answer("Yes.", FinishReason::Stop).await;
    let shown = (1..100).map(|number| format!("shown {number}. {}", tokens(40)));
    room.import_all(shown).await;

    room.send("And now?").await.unwrap();
    let mut transcripts = String::new();
    loop {
        let asked = room.model.asked().await;
        if asked.request.messages[0].content != SUMMARISE {
            break;
        }
        transcripts += asked.said()[1];
        asked.answer("They spoke of tides.", FinishReason::Stop).await;
    }

    let kept = summary(&room).await.unwrap();
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
    let room = small_room().await;
    room.ask_and_answer(&tokens(190), &tokens(200)).await;
    room.ask(&tokens(190)).await.answer(&tokens(300), FinishReason::Length).await;

    summarise(&room, "They spoke of tides.").await;
    room.chat.turns.continue_answer(room.user_id, room.id, None, None).await.unwrap();
    let asked = room.model.asked().await;

    assert_eq!(summary(&room).await.unwrap().through, 2);
    assert_eq!(asked.said()[1..3], [tokens(190), tokens(300)]);
}

#[tokio::test(start_paused = true)]
async fn shutdown_cuts_a_summary_off_and_leaves_the_way_free() {
    let room = small_room().await;
    fill(&room).await;
    let asked = summary_request(&room).await;

    room.chat.shutdown(Duration::from_secs(1)).await;

    assert!(asked.is_dropped());
    assert_eq!(summary(&room).await, None);
    assert!(takes_the_right(&room).await);
}

#[tokio::test(start_paused = true)]
async fn shutdown_does_not_wait_for_the_right_that_somebody_else_has() {
    let room = small_room().await;
    assert!(takes_the_right(&room).await);
    fill(&room).await;
    let began = Instant::now();

    room.chat.shutdown(Duration::from_secs(1)).await;

    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    assert_eq!(summary(&room).await, None);
}

/// Another instance tries to.
async fn takes_the_right(room: &Room) -> bool {
    let now = room.chat.core.ports.clock.now();
    room.chat.core.ports.contexts.begin_compaction(room.id, now, now.plus(RIGHT)).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn who_summarises_for_long_keeps_the_right_to_until_it_is_done() {
    let room = small_room().await;
    fill(&room).await;
    let asked = summary_request(&room).await;

    for _ in 0..30 {
        room.wait(Duration::from_secs(1)).await;
    }
    let meanwhile = takes_the_right(&room).await;
    asked.answer("They spoke of tides.", FinishReason::Stop).await;

    assert!(!meanwhile);
    assert_eq!(summary(&room).await.unwrap().text, "They spoke of tides.");
    assert!(takes_the_right(&room).await);
}

#[tokio::test(start_paused = true)]
async fn who_has_lost_the_right_to_summarise_stops() {
    let room = small_room().await;
    fill(&room).await;
    let asked = summary_request(&room).await;

    // As if this instance had slept.
    room.clock.advance(RIGHT);
    assert!(takes_the_right(&room).await);
    room.wait(RENEW_EVERY * 2).await;

    assert!(asked.is_dropped());
}

#[tokio::test(start_paused = true)]
async fn a_turn_waits_no_longer_than_a_hold_for_an_instance_that_died_while_it_summarised() {
    let room = small_room().await;
    for _ in 0..4 {
        room.import(&tokens(400)).await;
    }
    assert!(takes_the_right(&room).await);
    room.send("And now?").await.unwrap();

    for _ in 1..RIGHT.as_secs() {
        room.wait(Duration::from_secs(1)).await;
    }
    let early = room.model.times_asked();
    for _ in 0..2 {
        room.wait(Duration::from_secs(1)).await;
    }

    assert_eq!(early, 0);
    summarise(&room, "They spoke of tides.").await;
}

#[tokio::test(start_paused = true)]
async fn more_than_the_window_holds_is_summarised_in_pieces() {
    let room = small_room().await;
    for _ in 0..12 {
        room.import(&tokens(400)).await;
    }

    room.send("And now?").await.unwrap();
    let mut pieces = 0;
    let asked = loop {
        let asked = room.model.asked().await;
        if asked.request.messages[0].content != SUMMARISE {
            break asked;
        }
        pieces += 1;
        asked.say(&format!("Summary {pieces}.")).await;
        asked.finish(FinishReason::Stop).await;
    };

    assert_eq!(pieces, 6, "of two messages each");
    let sent = &asked.request.messages;
    assert!(sent[0].content.ends_with("Summary 6."), "{sent:?}");
    assert_eq!(summary(&room).await.unwrap().message_count, 12);
}
