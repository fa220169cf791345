use futures_util::FutureExt;
use webchat_domain::FinishReason;

use webchat_domain::MessageAccepted;

use super::*;
use crate::testing::{ANSWER, QUESTION, TestChat, describe, log_that_rejects, message, settle};
use webchat_domain::EventBody;
use webchat_domain::MessageStatus;
use webchat_domain::Role;

fn code(refused: Result<Sent, ChatError>) -> &'static str {
    refused.unwrap_err().code()
}

fn named(name: &str) -> SendMessage {
    let name = ClientMessageId::try_from(name.to_owned()).unwrap();
    SendMessage { client_message_id: Some(name), ..message(QUESTION) }
}

#[tokio::test(start_paused = true)]
async fn a_user_has_no_more_turns_at_once_than_may_be() {
    let test = TestChat::with_settings(|settings| settings.turns_per_user = Some(1)).await;
    let elsewhere =
        test.chat.conversations.start(test.user_id, None).await.unwrap().conversation_id;
    let send_elsewhere =
        async || test.chat.turns.send(test.user_id, elsewhere, message(QUESTION)).await;
    let request = test.ask(QUESTION).await;

    let refused = send_elsewhere().await;
    request.finish(FinishReason::Stop).await;
    settle().await;
    let taken = send_elsewhere().await;
    let next = test.send(QUESTION).await;

    assert_eq!(code(refused), "too_many_turns");
    assert!(matches!(taken, Ok(Sent::Accepted(_))), "{taken:?}");
    assert_eq!(code(next), "too_many_turns");
    assert_eq!(test.messages().await.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_accepted_message_is_stored_with_its_answer_to_come() {
    let test = TestChat::new().await;

    let sent = test.send(QUESTION).await.unwrap();

    let Sent::Accepted(event) = sent else { panic!("{sent:?}") };
    let EventBody::MessageAccepted(accepted) = &event.body else { panic!("{event:?}") };
    let [question, answer] = test.messages().await.try_into().unwrap();
    assert_eq!((question.content.as_str(), question.token_count), (QUESTION, 7));
    assert_eq!((answer.role, answer.content.as_str()), (Role::Assistant, ""));
    assert_eq!(answer.status, MessageStatus::Interrupted);
    assert_eq!(
        *accepted,
        MessageAccepted {
            message_id: question.message_id,
            position: 1,
            turn_id: answer.turn_id.unwrap(),
            client_message_id: None,
            answer_id: answer.message_id,
            content: QUESTION.to_owned(),
            token_count: 7,
            created_at: crate::testing::START,
        }
    );
}

#[tokio::test(start_paused = true)]
async fn the_title_is_told_with_the_first_message_only() {
    let test = TestChat::new().await;

    test.ask_and_answer("Why two tides?", "Moon.").await;
    test.ask_and_answer("And the sun?", "Too.").await;

    let told = test.published().await;
    let titles: Vec<_> = told.iter().filter(|event| event.starts_with("title")).collect();
    assert_eq!(titles, ["title: Why two tides?"]);
    assert_eq!(test.conversation().await.title.unwrap().as_str(), "Why two tides?");
}

#[tokio::test(start_paused = true)]
async fn nothing_of_a_message_that_can_not_be_answered_is_stored() {
    let test = TestChat::new().await;
    let stranger = UserId::generate();

    let empty = test.send(" \n\t ").await;
    let too_long = test.send(&"word ".repeat(10_000)).await;
    let foreign = test.chat.turns.send(stranger, test.id, message(QUESTION)).await;

    assert_eq!(code(empty), "empty_message");
    assert_eq!(code(too_long), "message_too_long");
    assert_eq!(code(foreign), "conversation_not_found");
    assert_eq!(test.messages().await, []);
    assert_eq!(test.conversation().await.title, None);
    settle().await;
    assert_eq!(test.published().await, [""; 0]);
    assert_eq!(test.model.request_count(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_second_message_during_a_turn_is_refused_and_not_stored() {
    let test = TestChat::new().await;
    let _answering = test.ask(QUESTION).await;

    let second = test.send("Hurry up!").await;

    assert_eq!(code(second), "turn_in_progress");
    assert_eq!(test.messages().await.len(), 2);
    assert_eq!(test.published().await, ["accepted: 2 + 2 = 4", "title: 2 + 2 = 4"]);
}

#[tokio::test(start_paused = true)]
async fn a_message_from_a_stale_client_is_refused_with_where_the_conversation_ends() {
    let test = TestChat::new().await;
    test.ask_and_answer(QUESTION, ANSWER).await;
    let expecting =
        |position| SendMessage { expected_position: Some(position), ..message("What else?") };

    let stale = test.chat.turns.send(test.user_id, test.id, expecting(0)).await;
    let stored = test.messages().await.len();
    let current = test.chat.turns.send(test.user_id, test.id, expecting(2)).await;

    assert!(matches!(stale, Err(ChatError::PositionConflict { position: 2 })), "{stale:?}");
    assert_eq!(code(stale), "stale");
    assert_eq!(stored, 2);
    assert!(matches!(current, Ok(Sent::Accepted(_))), "{current:?}");
}

#[tokio::test(start_paused = true)]
async fn a_known_client_message_id_gets_the_first_result_and_asks_the_model_once() {
    let test = TestChat::new().await;
    let send_first = || test.chat.turns.send(test.user_id, test.id, named("first"));

    let sent = send_first().await.unwrap();
    let during = send_first().await.unwrap();
    test.model.next_request().await.finish(FinishReason::Stop).await;
    settle().await;
    let afterwards = send_first().await.unwrap();

    settle().await;
    let Sent::Accepted(event) = sent else { panic!("{sent:?}") };
    let EventBody::MessageAccepted(accepted) = event.body.clone() else { panic!("{event:?}") };
    assert_eq!(accepted.client_message_id, named("first").client_message_id);
    assert_eq!(during, Sent::Duplicate(accepted.clone()));
    assert_eq!(afterwards, Sent::Duplicate(accepted));
    assert_eq!(test.model.request_count(), 1);
    assert_eq!(test.messages().await.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_leaves_right_after_sending_is_answered_all_the_same() {
    let test = TestChat::new().await;

    let left = test.send(QUESTION).now_or_never();

    assert!(left.is_none(), "it was done before the caller could leave");
    let request = test.model.next_request().await;
    request.send_text(ANSWER).await;
    request.finish(FinishReason::Stop).await;
    settle().await;
    let answer = test.last_message().await;
    assert_eq!((answer.content.as_str(), answer.status), (ANSWER, MessageStatus::Complete));
}

#[tokio::test(start_paused = true)]
async fn a_message_that_can_not_be_told_is_refused_and_its_conversation_takes_the_next() {
    let test =
        TestChat::new().await.with_ports(|ports| ports.log = log_that_rejects("message_accepted"));

    let refused = test.send(QUESTION).await;
    settle().await;
    let next = test.send("What else?").await;

    assert_eq!(code(refused), "storage_unavailable");
    assert_eq!(code(next), "storage_unavailable", "not turn_in_progress");
    assert_eq!(test.messages().await[1].status, MessageStatus::Failed);
    assert_eq!(test.model.request_count(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_title_that_can_not_be_told_keeps_no_answer_from_being_made() {
    let test = TestChat::new()
        .await
        .with_ports(|ports| ports.log = log_that_rejects("conversation_updated"));

    let sent = test.send(QUESTION).await.unwrap();

    let Sent::Accepted(event) = sent else { panic!("{sent:?}") };
    assert_eq!(describe(&event.body), "accepted: 2 + 2 = 4");
    test.model.next_request().await.finish(FinishReason::Stop).await;
    settle().await;
    assert_eq!(test.last_message().await.status, MessageStatus::Complete);
}
