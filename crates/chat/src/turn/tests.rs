use std::sync::Mutex;

use super::*;
use crate::testing::{ANSWER, Asked, QUESTION, Room, accepting_store, settle};
use webchat_domain::ConversationId;

#[tokio::test(start_paused = true)]
async fn a_turn_tells_its_answer_in_order_and_stores_it_complete() {
    let room = Room::open().await;

    let asked = room.ask(QUESTION).await;
    asked.say("antidis").await;
    settle().await;
    asked.say("establishmentarianism").await;
    asked.finish(FinishReason::Stop).await;
    settle().await;

    assert_eq!(
        room.told().await,
        [
            "accepted: 2 + 2 = 4",
            "title: 2 + 2 = 4",
            "chunk: antidis",
            "chunk: establishmentarianism",
            "end: Stop, Complete",
            "usage: 20",
        ]
    );
    let answer = room.last_stored().await;
    assert_eq!((answer.content.as_str(), answer.token_count), (ANSWER, 6));
    assert_eq!(answer.status, MessageStatus::Complete);
    let conversation = room.conversation().await;
    assert_eq!((conversation.message_count, conversation.total_tokens), (2, 7 + 6));
}

#[tokio::test(start_paused = true)]
async fn the_end_names_the_stored_answer_and_the_ledger_what_was_sent() {
    let room = Room::open().await;

    room.ask_and_answer(QUESTION, ANSWER).await;

    let answer = room.last_stored().await;
    let turn_id = answer.turn_id.unwrap();
    let events = room.events().await;
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
        })
    );
    let history = 3 + (4 + 7);
    assert_eq!(
        usage.body,
        EventBody::TokenUsage(TokenUsage {
            turn_id,
            total_tokens_used: history + 6,
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
async fn the_model_gets_what_fits_of_the_conversation_oldest_first() {
    let room = Room::with_window(55, 20).await;
    room.ask_and_answer(QUESTION, ANSWER).await;

    let second = room.ask("Why?").await;
    room.model.refuse_next(ModelError::Failed("no summary".into()));
    room.chat.turns.stop(room.user_id, room.id).await.unwrap();
    settle().await;
    room.model.refuse_next(ModelError::Failed("no summary".into()));
    let third = room.ask(&format!("{QUESTION} {QUESTION}")).await;
    let third_request = third.request.clone();
    third.finish(FinishReason::Stop).await;
    settle().await;

    assert_eq!(said(&second.request), [QUESTION, ANSWER, "Why?"]);
    let roles: Vec<_> = second.request.messages.iter().map(|message| message.role).collect();
    assert_eq!(roles, [ChatRole::User, ChatRole::Assistant, ChatRole::User]);
    assert_eq!(second.request.max_reply_tokens, 20);
    assert_eq!(said(&third_request), ["Why?", "2 + 2 = 4 2 + 2 = 4"]);
    let events = room.events().await;
    let EventBody::TokenUsage(usage) = &events.last().unwrap().body else { panic!() };
    assert_eq!(usage.ledger.left_out_messages, 2);
}

fn said(request: &ChatRequest) -> Vec<&str> {
    request.messages.iter().map(|message| message.content.as_str()).collect()
}

#[tokio::test(start_paused = true)]
async fn an_answer_at_the_models_length_limit_is_truncated() {
    let room = Room::open().await;

    let asked = room.ask(QUESTION).await;
    asked.say(ANSWER).await;
    asked.finish(FinishReason::Length).await;
    settle().await;

    assert_eq!(room.told().await[3..], ["end: Length, Truncated", "usage: 20"]);
    assert_eq!(room.last_stored().await.status, MessageStatus::Truncated);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_was_filtered_says_for_what_and_keeps_what_came() {
    let room = Room::open().await;

    let asked = room.ask(QUESTION).await;
    asked.say("Hm").await;
    asked.filter("self_harm").await;
    asked.finish(FinishReason::ContentFilter).await;
    settle().await;

    let events = room.events().await;
    let failed = events.iter().find_map(|event| match &event.body {
        EventBody::Error(failed) => Some(failed.message.as_str()),
        _ => None,
    });
    assert_eq!(failed, Some("The model's provider filtered this answer (self harm)."));
    let told = room.told().await;
    assert_eq!(told[3..5], ["error: model_content_filter", "end: ContentFilter, Failed"]);
    assert_eq!(room.last_stored().await.content, "Hm");
}

#[tokio::test(start_paused = true)]
async fn a_model_that_refuses_fails_its_turn_and_the_next_message_is_taken() {
    let room = Room::open().await;
    room.model.refuse_next(ModelError::KeyRefused("401".into()));

    room.send(QUESTION).await.unwrap();
    settle().await;
    let told = room.told().await;
    let refused = room.last_stored().await;
    room.ask_and_answer("Now?", "Yes.").await;

    assert_eq!(told[2..], ["error: model_key_refused", "end: Failed, Failed", "usage: 14"]);
    assert_eq!((refused.content.as_str(), refused.status), ("", MessageStatus::Failed));
    assert_eq!(room.last_stored().await.content, "Yes.");
}

#[tokio::test(start_paused = true)]
async fn a_model_that_breaks_off_fails_its_turn_and_what_came_is_kept() {
    let room = Room::open().await;

    let asked = room.ask(QUESTION).await;
    asked.say(ANSWER).await;
    asked.fail().await;
    settle().await;
    let told = room.told().await;
    let broken_off = room.last_stored().await;
    room.ask_and_answer("Now?", "Yes.").await;

    assert_eq!(told[3..], ["error: model_failed", "end: Failed, Failed", "usage: 20"]);
    assert_eq!((broken_off.content.as_str(), broken_off.token_count), (ANSWER, 6));
    assert_eq!(broken_off.status, MessageStatus::Failed);
    assert_eq!(room.last_stored().await.content, "Yes.");
}

#[tokio::test(start_paused = true)]
async fn a_panic_ends_its_turn_as_failed_and_no_other() {
    let room = Room::open().await;
    let asked = room.ask(QUESTION).await;
    let elsewhere =
        room.chat.conversations.start(room.user_id, None).await.unwrap().conversation_id;
    let other = ask_in(&room, elsewhere).await;

    asked.say("Hm").await;
    asked.panic().await;
    settle().await;
    let told = room.told().await;
    let panicked = room.last_stored().await;
    other.say(ANSWER).await;
    other.finish(FinishReason::Stop).await;
    settle().await;

    assert_eq!(told[3..], ["error: internal", "end: Failed, Failed", "usage: 15"]);
    assert_eq!((panicked.content.as_str(), panicked.status), ("Hm", MessageStatus::Failed));
    let others = room.chat.conversations.all_messages(room.user_id, elsewhere).await.unwrap();
    assert_eq!(others[1].status, MessageStatus::Complete);
}

async fn ask_in(room: &Room, id: ConversationId) -> Asked {
    let message = crate::testing::message(QUESTION);
    room.chat.turns.send(room.user_id, id, message).await.unwrap();
    room.model.asked().await
}

#[tokio::test(start_paused = true)]
async fn what_came_is_kept_after_two_seconds_as_interrupted() {
    let room = Room::open().await;
    let asked = room.ask(QUESTION).await;
    asked.say(ANSWER).await;

    sleep(Duration::from_millis(1_900)).await;
    let early = room.last_stored().await;
    sleep(Duration::from_millis(200)).await;
    let kept = room.last_stored().await;

    assert_eq!(early.content, "");
    assert_eq!((kept.content.as_str(), kept.token_count), (ANSWER, 6));
    assert_eq!(kept.status, MessageStatus::Interrupted);
}

#[tokio::test(start_paused = true)]
async fn each_four_kilobytes_that_came_are_kept_at_once() {
    let room = Room::open().await;
    let asked = room.ask(QUESTION).await;

    let mut kept = Vec::new();
    for bytes in [4_095, 1, 4_095, 1] {
        asked.say(&"x".repeat(bytes)).await;
        settle().await;
        kept.push(room.last_stored().await.content.len());
    }

    assert_eq!(kept, [0, 4_096, 4_096, 8_192]);
    assert_eq!(room.last_stored().await.status, MessageStatus::Interrupted);
}

#[tokio::test(start_paused = true)]
async fn a_turn_holds_its_conversation_for_as_long_as_the_model_is_silent() {
    let room = Room::open().await;
    let asked = room.ask(QUESTION).await;

    for _ in 0..30 {
        room.wait(Duration::from_secs(2)).await;
    }
    let meanwhile = room.send("Still there?").await;
    asked.finish(FinishReason::Stop).await;
    settle().await;
    let afterwards = room.send("Still there?").await;

    assert_eq!(meanwhile.unwrap_err().code(), "turn_in_progress");
    assert!(afterwards.is_ok(), "{afterwards:?}");
}

#[tokio::test(start_paused = true)]
async fn an_answer_survives_a_store_that_fails_a_few_times_at_its_end() {
    let mut store = accepting_store();
    let saved = Arc::new(Mutex::new(Vec::new()));
    store.expect_save_answer().times(3).returning(|_, _, _| Err(StoreError::unavailable("busy")));
    let saving = Arc::clone(&saved);
    store.expect_save_answer().times(1).returning(move |_, answer, _| {
        saving.lock().unwrap().push(answer);
        Ok(true)
    });
    let room = Room::open().await.on(|ports| ports.conversations = Arc::new(store));

    room.ask_and_answer(QUESTION, ANSWER).await;
    sleep(Duration::from_secs(10)).await;

    assert_eq!(room.told().await[3..], ["end: Stop, Complete", "usage: 20"]);
    let saved = saved.lock().unwrap();
    assert_eq!((saved[0].content.as_str(), saved[0].token_count), (ANSWER, 6));
    assert_eq!((saved[0].status, saved[0].lease_until), (MessageStatus::Complete, None));
}

#[tokio::test(start_paused = true)]
async fn a_turn_whose_store_never_recovers_ends_as_failed() {
    let mut store = accepting_store();
    store.expect_save_answer().returning(|_, _, _| Err(StoreError::unavailable("gone")));
    let room = Room::open().await.on(|ports| ports.conversations = Arc::new(store));

    room.ask_and_answer(QUESTION, ANSWER).await;
    let early = room.told().await;
    sleep(Duration::from_secs(10)).await;

    assert_eq!(early[2..], ["chunk: antidisestablishmentarianism"]);
    assert_eq!(
        room.told().await[3..],
        ["error: storage_unavailable", "end: Failed, Failed", "usage: 14"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_lost_its_hold_stops_within_two_seconds() {
    let mut store = accepting_store();
    store.expect_save_answer().returning(|_, _, _| Ok(false));
    let room = Room::open().await.on(|ports| ports.conversations = Arc::new(store));
    let asked = room.ask(QUESTION).await;

    sleep(Duration::from_millis(2_100)).await;

    assert!(asked.is_dropped());
    assert_eq!(room.told().await[2..], ["end: Stopped, Stopped", "usage: 14"]);
}
