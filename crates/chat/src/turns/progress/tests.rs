use webchat_domain::{ClientMessageId, EventId};
use webchat_persistence::MockTurnLog;

use super::*;
use crate::SendMessage;
use crate::testing::{ANSWER, QUESTION, TestChat, describe, expect_soon, message, settle};
use crate::turns::start::accepted;

async fn send(test: &TestChat, name: &str) -> TurnProgress {
    let client_message_id = ClientMessageId::try_from(name.to_owned()).ok();
    let message = SendMessage { client_message_id, ..message(QUESTION) };
    let sent = test.chat.turns.send(test.user_id, test.id, message).await.unwrap();
    test.chat.turns.progress(test.user_id, test.id, sent).await.unwrap()
}

async fn told(progress: &mut TurnProgress) -> Vec<String> {
    let mut told = Vec::new();
    while let Some(Update::Events(events)) = expect_soon(progress.next()).await {
        told.extend(events.iter().map(|event| describe(&event.body)));
    }
    told
}

#[tokio::test(start_paused = true)]
async fn whoever_sent_it_is_told_the_whole_turn_and_what_became_of_it() {
    let test = TestChat::new().await;
    let mut progress = send(&test, "c1").await;
    let request = test.model.next_request().await;

    let answering = async {
        request.send_text(ANSWER).await;
        request.finish(FinishReason::Stop).await;
    };
    let (events, ()) = tokio::join!(told(&mut progress), answering);
    test.ask_and_answer("the next one", "is not told").await;
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
async fn whoever_sends_it_again_waits_for_the_same_answer() {
    let test = TestChat::new().await;
    let first = send(&test, "c1").await;
    let request = test.model.next_request().await;
    request.send_text("anti").await;
    settle().await;

    let again = send(&test, "c1").await;
    request.send_text("dis").await;
    request.finish(FinishReason::Length).await;
    let (first, again) = tokio::join!(expect_soon(first.result()), expect_soon(again.result()));
    let much_later = send(&test, "c1").await.result().await.unwrap();

    let first = first.unwrap();
    assert_eq!(
        (first.answer.content.as_str(), first.finish_reason),
        ("antidis", FinishReason::Length)
    );
    assert_eq!(again.unwrap(), first);
    assert_eq!(much_later, first);
    assert_eq!(test.model.request_count(), 1);
}

#[tokio::test(start_paused = true)]
async fn of_a_turn_that_the_log_has_forgotten_the_store_says_what_became() {
    let test = TestChat::new().await;
    send(&test, "c1").await;
    test.model.next_request().await.fail().await;
    settle().await;
    let mut log = MockTurnLog::new();
    let checkpoint = test.chat.core.ports.log.checkpoint(test.id).await.unwrap();
    log.expect_checkpoint().returning(move |_| Ok(checkpoint));
    log.expect_read().returning(|_, _| Ok(Replay::Gone { latest: 99 }));
    let test = test.with_ports(|ports| ports.log = Arc::new(log));

    let result = send(&test, "c1").await.result().await.unwrap();

    assert_eq!((result.finish_reason, result.usage), (FinishReason::Failed, None));
    assert_eq!(result.error.unwrap().code, "model_failed");
}

#[tokio::test(start_paused = true)]
async fn of_a_turn_that_failed_the_reason_is_kept_while_the_log_has_it() {
    let test = TestChat::new().await;
    let first = send(&test, "c1").await;
    test.model.next_request().await.fail().await;
    let failed = expect_soon(first.result()).await.unwrap();

    let again = send(&test, "c1").await.result().await.unwrap();

    assert_eq!(failed.error.as_ref().unwrap().code, "model_failed");
    assert_eq!(again, failed);
}

/// A turn as another instance began and told it, of which nothing more is told or saved.
async fn begin_turn_elsewhere(test: &TestChat) -> Sent {
    let [question, answer] = test.begin_turn_elsewhere("Bec").await;
    let accepted = accepted(None, &question, &answer).unwrap();
    let body = EventBody::MessageAccepted(accepted.clone());
    test.chat.core.ports.log.append(test.id, EventId::generate(), body).await.unwrap();
    Sent::Duplicate(accepted)
}

#[tokio::test(start_paused = true)]
async fn a_turn_whose_server_died_is_waited_for_until_its_hold_lapses() {
    let test = TestChat::new().await;
    let sent = begin_turn_elsewhere(&test).await;
    let progress = test.chat.turns.progress(test.user_id, test.id, sent).await.unwrap();

    let lapsing = async {
        sleep(LEASE * 2).await;
        test.clock.advance(LEASE);
    };
    let (result, ()) = tokio::join!(expect_soon(progress.result()), lapsing);

    let result = result.unwrap();
    assert_eq!((result.answer.content.as_str(), result.error), ("Bec", None));
    assert_eq!(result.finish_reason, FinishReason::Interrupted);
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_in_a_conversation_that_is_deleted_finds_it_gone() {
    let test = TestChat::new().await;
    let progress = send(&test, "c1").await;
    let _request = test.model.next_request().await;

    let deleting = test.chat.conversations.delete(test.user_id, test.id);
    let (result, deleted) = tokio::join!(expect_soon(progress.result()), deleting);

    deleted.unwrap();
    assert!(matches!(result, Err(ChatError::ConversationNotFound)), "{result:?}");
}
