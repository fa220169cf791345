//! Tests of sending a message.

use std::time::Duration;

use futures_util::FutureExt;
use webchat_domain::{EventBody, FinishReason, MessageAccepted, MessageStatus, Role, UserId};

use super::*;
use crate::testing::{ANSWER, QUESTION, START, TestChat, log_that_rejects, message, settle};

fn code(result: Result<StartTurnOutcome, ChatError>) -> &'static str {
    result.unwrap_err().code()
}

fn message_with_id(id: &str) -> SendMessage {
    let id = ClientMessageId::try_from(id.to_owned()).unwrap();
    SendMessage { client_message_id: Some(id), ..message(QUESTION) }
}

#[tokio::test(start_paused = true)]
async fn a_turn_above_the_limit_of_the_user_is_rejected() {
    let test = TestChat::with_settings(|settings| settings.turns_per_user = Some(1)).await;
    let other = test.chat.conversations.start(test.user_id, None).await.unwrap().conversation_id;
    let send_to_other = async || test.chat.turns.send(test.user_id, other, message(QUESTION)).await;
    let request = test.ask(QUESTION).await;

    let above_limit = send_to_other().await;
    request.finish(FinishReason::Stop).await;
    settle().await;
    let accepted = send_to_other().await;
    let next = test.send(QUESTION).await;

    assert_eq!(code(above_limit), "too_many_turns");
    assert!(matches!(accepted, Ok(StartTurnOutcome::Accepted(_))), "{accepted:?}");
    assert_eq!(code(next), "too_many_turns");
    assert_eq!(test.messages().await.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn turns_of_all_users_are_limited_per_network_and_in_total() {
    let test = TestChat::with_settings(|settings| {
        (settings.turns_per_network, settings.max_turns) = (Some(2), Some(3));
    })
    .await;
    let send = async |address: &str| {
        let user_id = UserId::generate();
        let caller = Caller { user_id, address: Some(address.parse().unwrap()) };
        let started = test.chat.conversations.start(user_id, None).await.unwrap();
        test.chat.turns.send(caller, started.conversation_id, message(QUESTION)).await
    };

    let in_network = [send("2001:db8::1").await, send("2001:db8::2").await];
    let above_networks_limit = send("2001:db8::3").await;
    let from_other_network = send("192.0.2.1").await;
    let above_limit_of_all = send("192.0.2.2").await;

    assert!(in_network.iter().chain([&from_other_network]).all(Result::is_ok));
    assert_eq!(code(above_networks_limit), "too_many_turns_from_address");
    assert_eq!(code(above_limit_of_all), "server_busy");
}

/// The long message holds the user's only turn permit while it waits for the permit for long texts.
#[tokio::test]
async fn a_turn_permit_is_acquired_before_tokens_are_counted() {
    let test = TestChat::with_settings(|settings| settings.turns_per_user = Some(1)).await;
    let other = test.chat.conversations.start(test.user_id, None).await.unwrap().conversation_id;
    let long = "word ".repeat(4_000);
    let permit = test.hold_text_permit().await;

    let rejected = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let rejected = test.chat.turns.send(test.user_id, other, message(&long)).await;
        drop(permit);
        rejected
    };
    let (sent, rejected) = tokio::join!(test.send(&long), rejected);

    assert!(matches!(sent, Ok(StartTurnOutcome::Accepted(_))), "{sent:?}");
    assert_eq!(code(rejected), "too_many_turns");
}

/// The user's only permit for long texts is in use, so counting would wait forever.
#[tokio::test]
async fn an_obviously_oversized_message_is_rejected_without_counting_tokens() {
    let test = TestChat::with_window(2_000, 500).await;
    let _permit = test.hold_text_permit().await;

    let rejected = test.send(&" ".repeat(200_000).replacen(' ', "x", 1)).await.unwrap_err();

    assert_eq!(rejected.code(), "message_too_long");
    let reason = rejected.to_string();
    assert!(reason.starts_with("This message has more than 1493 tokens"), "{reason}");
    assert_eq!(test.messages().await, []);
}

#[tokio::test(start_paused = true)]
async fn an_accepted_message_is_stored_with_a_placeholder_answer() {
    let test = TestChat::new().await;

    let sent = test.send(QUESTION).await.unwrap();

    let StartTurnOutcome::Accepted(event) = sent else { panic!("{sent:?}") };
    let EventBody::MessageAccepted(accepted) = &event.body else { panic!("{event:?}") };
    let [question, answer] = test.messages().await.try_into().unwrap();
    assert_eq!((question.content.as_str(), question.token_count), (QUESTION, 7));
    assert_eq!((answer.role, answer.content.as_str()), (Role::Assistant, ""));
    assert_eq!(answer.status, MessageStatus::Interrupted);
    let turn_id = answer.turn_id.unwrap();
    assert_eq!(question.turn_id, Some(turn_id));
    assert_eq!((question.position, question.created_at), (1, START));
    assert_eq!(*accepted, MessageAccepted::new(&question, &answer, turn_id, None));
}

#[tokio::test(start_paused = true)]
async fn the_title_is_published_with_the_first_message_only() {
    let test = TestChat::new().await;

    test.ask_and_answer("Why two tides?", "Moon.").await;
    test.ask_and_answer("And the sun?", "Too.").await;

    let published = test.published().await;
    let titles: Vec<_> = published.iter().filter(|event| event.starts_with("title")).collect();
    assert_eq!(titles, ["title: Why two tides?"]);
    assert_eq!(test.conversation().await.title.unwrap().as_str(), "Why two tides?");
}

#[tokio::test(start_paused = true)]
async fn an_invalid_message_stores_and_publishes_nothing() {
    let test = TestChat::new().await;
    let other_user = UserId::generate();

    let empty = test.send(" \n\t ").await;
    let too_long = test.send(&"word ".repeat(10_000)).await;
    let by_other_user =
        test.chat.turns.send(other_user, test.conversation_id, message(QUESTION)).await;

    assert_eq!(code(empty), "empty_message");
    assert_eq!(code(too_long), "message_too_long");
    assert_eq!(code(by_other_user), "conversation_not_found");
    assert_eq!(test.messages().await, []);
    assert_eq!(test.conversation().await.title, None);
    settle().await;
    assert_eq!(test.published().await, [""; 0]);
    assert_eq!(test.model.request_count(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_second_message_during_a_turn_is_rejected_and_not_stored() {
    let test = TestChat::new().await;
    let _request = test.ask(QUESTION).await;

    let second = test.send("Hurry up!").await;

    assert_eq!(code(second), "turn_in_progress");
    assert_eq!(test.messages().await.len(), 2);
    assert_eq!(test.published().await, ["accepted: 2 + 2 = 4", "title: 2 + 2 = 4"]);
}

#[tokio::test(start_paused = true)]
async fn a_wrong_expected_position_is_rejected_with_the_actual_one() {
    let test = TestChat::new().await;
    test.ask_and_answer(QUESTION, ANSWER).await;
    let expecting =
        |position| SendMessage { expected_position: Some(position), ..message("What else?") };

    let conflict = test.chat.turns.send(test.user_id, test.conversation_id, expecting(0)).await;
    let stored = test.messages().await.len();
    let current = test.chat.turns.send(test.user_id, test.conversation_id, expecting(2)).await;

    assert!(matches!(conflict, Err(ChatError::PositionConflict { position: 2 })), "{conflict:?}");
    assert_eq!(code(conflict), "stale");
    assert_eq!(stored, 2);
    assert!(matches!(current, Ok(StartTurnOutcome::Accepted(_))), "{current:?}");
}

#[tokio::test(start_paused = true)]
async fn a_duplicate_client_message_id_returns_the_first_result_and_sends_no_second_request() {
    let test = TestChat::new().await;
    let send_first =
        || test.chat.turns.send(test.user_id, test.conversation_id, message_with_id("first"));

    let sent = send_first().await.unwrap();
    let during = send_first().await.unwrap();
    test.model.next_request().await.finish(FinishReason::Stop).await;
    settle().await;
    let afterwards = send_first().await.unwrap();

    settle().await;
    let StartTurnOutcome::Accepted(event) = sent else { panic!("{sent:?}") };
    let EventBody::MessageAccepted(accepted) = event.body.clone() else { panic!("{event:?}") };
    assert_eq!(accepted.client_message_id, message_with_id("first").client_message_id);
    assert_eq!(during, StartTurnOutcome::Duplicate(accepted.clone()));
    assert_eq!(afterwards, StartTurnOutcome::Duplicate(accepted));
    assert_eq!(test.model.request_count(), 1);
    assert_eq!(test.messages().await.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_message_whose_caller_is_dropped_is_answered() {
    let test = TestChat::new().await;

    let result = test.send(QUESTION).now_or_never();

    assert!(result.is_none(), "the call returned before it could be dropped");
    let request = test.model.next_request().await;
    request.send_text(ANSWER).await;
    request.finish(FinishReason::Stop).await;
    settle().await;
    let answer = test.last_message().await;
    assert_eq!((answer.content.as_str(), answer.status), (ANSWER, MessageStatus::Complete));
}

#[tokio::test(start_paused = true)]
async fn a_message_that_fails_to_be_published_does_not_block_its_conversation() {
    let test =
        TestChat::new().await.with_ports(|ports| ports.log = log_that_rejects("message_accepted"));

    let rejected = test.send(QUESTION).await;
    settle().await;
    let next = test.send("What else?").await;

    assert_eq!(code(rejected), "storage_unavailable");
    assert_eq!(code(next), "storage_unavailable", "the conversation is blocked");
    assert_eq!(test.messages().await[1].status, MessageStatus::Failed);
    assert_eq!(test.model.request_count(), 0);
}
