//! Tests of a turn's progress.

use webchat_domain::{ClientMessageId, EventId};
use webchat_persistence::{MockTurnLog, TurnLogExt};

use super::*;
use crate::SendMessage;
use crate::testing::{ANSWER, QUESTION, TestChat, describe, expect_soon, message, settle};
use crate::turns::start::message_accepted;

async fn send(test: &TestChat, client_message_id: &str) -> TurnProgress {
    let client_message_id = ClientMessageId::try_from(client_message_id.to_owned()).ok();
    let message = SendMessage { client_message_id, ..message(QUESTION) };
    let sent = test.chat.turns.send(test.user_id, test.conversation_id, message).await.unwrap();
    test.chat.turns.progress(test.user_id, test.conversation_id, sent).await.unwrap()
}

async fn receive_all(progress: &mut TurnProgress) -> Vec<String> {
    let mut received = Vec::new();
    while let Some(Update::Events(events)) = expect_soon(progress.next()).await {
        received.extend(events.iter().map(|event| describe(&event.body)));
    }
    received
}

#[tokio::test(start_paused = true)]
async fn progress_delivers_all_events_of_the_turn_and_its_result() {
    let test = TestChat::new().await;
    let mut progress = send(&test, "c1").await;
    let request = test.model.next_request().await;

    let answering = async {
        request.send_text(ANSWER).await;
        request.finish(FinishReason::Stop).await;
    };
    let (events, ()) = tokio::join!(receive_all(&mut progress), answering);
    test.ask_and_answer("the next question", "not delivered").await;
    let result = progress.result().await.unwrap();

    assert_eq!(
        events,
        [
            "accepted: 2 + 2 = 4",
            "title: 2 + 2 = 4",
            "chunk: antidisestablishmentarianism",
            "end: Stop, Complete",
            "usage: 20"
        ]
    );
    assert_eq!((result.question.content.as_str(), result.question.position), (QUESTION, 1));
    assert_eq!((result.answer.content.as_str(), result.answer.position), (ANSWER, 2));
    assert_eq!((result.finish_reason, &result.error), (FinishReason::Stop, &None));
    assert_eq!(result.usage.unwrap().total_tokens_used, 20);
}

#[tokio::test(start_paused = true)]
async fn a_duplicate_message_waits_for_the_same_answer() {
    let test = TestChat::new().await;
    let first = send(&test, "c1").await;
    let request = test.model.next_request().await;
    request.send_text("anti").await;
    settle().await;

    let duplicate = send(&test, "c1").await;
    request.send_text("dis").await;
    request.finish(FinishReason::Length).await;
    let (first, duplicate) =
        tokio::join!(expect_soon(first.result()), expect_soon(duplicate.result()));
    let after_end = send(&test, "c1").await.result().await.unwrap();

    let first = first.unwrap();
    assert_eq!(
        (first.answer.content.as_str(), first.finish_reason),
        ("antidis", FinishReason::Length)
    );
    assert_eq!(duplicate.unwrap(), first);
    assert_eq!(after_end, first);
    assert_eq!(test.model.request_count(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_result_of_a_turn_that_the_log_no_longer_has_is_read_from_the_store() {
    let test = TestChat::new().await;
    send(&test, "c1").await;
    test.model.next_request().await.fail().await;
    settle().await;
    let mut log = MockTurnLog::new();
    let checkpoint = test.chat.core.ports.log.checkpoint(test.conversation_id).await.unwrap();
    log.expect_checkpoint().returning(move |_| Ok(checkpoint));
    log.expect_read().returning(|_, _| Ok(Replay::Gap { latest: 99 }));
    let test = test.with_ports(|ports| ports.log = Arc::new(log));

    let result = send(&test, "c1").await.result().await.unwrap();

    assert_eq!((result.finish_reason, result.usage), (FinishReason::Failed, None));
    assert_eq!(result.error.unwrap().code, "model_failed");
}

#[tokio::test(start_paused = true)]
async fn a_duplicate_of_a_failed_message_returns_the_same_error() {
    let test = TestChat::new().await;
    let first = send(&test, "c1").await;
    test.model.next_request().await.fail().await;
    let original = expect_soon(first.result()).await.unwrap();

    let duplicate = send(&test, "c1").await.result().await.unwrap();

    assert_eq!(original.error.as_ref().unwrap().code, "model_failed");
    assert_eq!(duplicate, original);
}

/// Stores a turn of another instance, which dies after it has published the turn's acceptance.
async fn start_published_turn_on_another_instance(test: &TestChat) -> StartTurnOutcome {
    let [question, answer] = test.start_turn_on_another_instance("Bec").await;
    let accepted = message_accepted(None, &question, &answer).unwrap();
    let body = EventBody::MessageAccepted(accepted.clone());
    test.chat
        .core
        .ports
        .log
        .append_one(test.conversation_id, EventId::generate(), body)
        .await
        .unwrap();
    StartTurnOutcome::Duplicate(accepted)
}

#[tokio::test(start_paused = true)]
async fn the_result_of_an_abandoned_turn_is_available_once_its_lease_expires() {
    let test = TestChat::new().await;
    let started = start_published_turn_on_another_instance(&test).await;
    let progress =
        test.chat.turns.progress(test.user_id, test.conversation_id, started).await.unwrap();

    let expiry = async {
        sleep(LEASE * 2).await;
        test.clock.advance(LEASE);
    };
    let (result, ()) = tokio::join!(expect_soon(progress.result()), expiry);

    let result = result.unwrap();
    assert_eq!((result.answer.content.as_str(), result.error), ("Bec", None));
    assert_eq!(result.finish_reason, FinishReason::Interrupted);
}

#[tokio::test(start_paused = true)]
async fn waiting_for_the_result_fails_if_the_conversation_is_deleted() {
    let test = TestChat::new().await;
    let progress = send(&test, "c1").await;
    let _request = test.model.next_request().await;

    let deleting = test.chat.conversations.delete(test.user_id, test.conversation_id);
    let (result, deleted) = tokio::join!(expect_soon(progress.result()), deleting);

    deleted.unwrap();
    assert!(matches!(result, Err(ChatError::ConversationNotFound)), "{result:?}");
}
