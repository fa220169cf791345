use futures_util::FutureExt;
use webchat_domain::FinishReason;

use super::*;
use crate::testing::{ANSWER, QUESTION, Room, in_short, log_that_refuses, message, settle};

fn code(refused: Result<Sent, ChatError>) -> &'static str {
    refused.unwrap_err().code()
}

fn named(name: &str) -> SendMessage {
    let name = ClientMessageId::try_from(name.to_owned()).unwrap();
    SendMessage { client_message_id: Some(name), ..message(QUESTION) }
}

#[tokio::test(start_paused = true)]
async fn a_user_has_no_more_turns_at_once_than_may_be() {
    let room = Room::open_with(|settings| settings.turns_per_user = Some(1)).await;
    let elsewhere =
        room.chat.conversations.start(room.user_id, None).await.unwrap().conversation_id;
    let send_elsewhere =
        async || room.chat.turns.send(room.user_id, elsewhere, message(QUESTION)).await;
    let asked = room.ask(QUESTION).await;

    let refused = send_elsewhere().await;
    asked.finish(FinishReason::Stop).await;
    settle().await;
    let taken = send_elsewhere().await;
    let next = room.send(QUESTION).await;

    assert_eq!(code(refused), "too_many_turns");
    assert!(matches!(taken, Ok(Sent::Accepted(_))), "{taken:?}");
    assert_eq!(code(next), "too_many_turns");
    assert_eq!(room.stored().await.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_accepted_message_is_stored_with_its_answer_to_come() {
    let room = Room::open().await;

    let sent = room.send(QUESTION).await.unwrap();

    let Sent::Accepted(event) = sent else { panic!("{sent:?}") };
    let EventBody::MessageAccepted(accepted) = &event.body else { panic!("{event:?}") };
    let [question, answer] = room.stored().await.try_into().unwrap();
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
    let room = Room::open().await;

    room.ask_and_answer("Why two tides?", "Moon.").await;
    room.ask_and_answer("And the sun?", "Too.").await;

    let told = room.told().await;
    let titles: Vec<_> = told.iter().filter(|event| event.starts_with("title")).collect();
    assert_eq!(titles, ["title: Why two tides?"]);
    assert_eq!(room.conversation().await.title.unwrap().as_str(), "Why two tides?");
}

#[tokio::test(start_paused = true)]
async fn nothing_of_a_message_that_can_not_be_answered_is_stored() {
    let room = Room::open().await;
    let stranger = UserId::generate();

    let empty = room.send(" \n\t ").await;
    let too_long = room.send(&"word ".repeat(10_000)).await;
    let foreign = room.chat.turns.send(stranger, room.id, message(QUESTION)).await;

    assert_eq!(code(empty), "empty_message");
    assert_eq!(code(too_long), "message_too_long");
    assert_eq!(code(foreign), "conversation_not_found");
    assert_eq!(room.stored().await, []);
    assert_eq!(room.conversation().await.title, None);
    settle().await;
    assert_eq!(room.told().await, [""; 0]);
    assert_eq!(room.model.times_asked(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_second_message_during_a_turn_is_refused_and_not_stored() {
    let room = Room::open().await;
    let _answering = room.ask(QUESTION).await;

    let second = room.send("Hurry up!").await;

    assert_eq!(code(second), "turn_in_progress");
    assert_eq!(room.stored().await.len(), 2);
    assert_eq!(room.told().await, ["accepted: 2 + 2 = 4", "title: 2 + 2 = 4"]);
}

#[tokio::test(start_paused = true)]
async fn a_message_from_a_stale_client_is_refused_with_where_the_conversation_ends() {
    let room = Room::open().await;
    room.ask_and_answer(QUESTION, ANSWER).await;
    let expecting =
        |position| SendMessage { expected_position: Some(position), ..message("What else?") };

    let stale = room.chat.turns.send(room.user_id, room.id, expecting(0)).await;
    let stored = room.stored().await.len();
    let current = room.chat.turns.send(room.user_id, room.id, expecting(2)).await;

    assert!(matches!(stale, Err(ChatError::PositionConflict { position: 2 })), "{stale:?}");
    assert_eq!(code(stale), "stale");
    assert_eq!(stored, 2);
    assert!(matches!(current, Ok(Sent::Accepted(_))), "{current:?}");
}

#[tokio::test(start_paused = true)]
async fn a_known_client_message_id_gets_the_first_result_and_asks_the_model_once() {
    let room = Room::open().await;
    let send_first = || room.chat.turns.send(room.user_id, room.id, named("first"));

    let sent = send_first().await.unwrap();
    let during = send_first().await.unwrap();
    room.model.asked().await.finish(FinishReason::Stop).await;
    settle().await;
    let afterwards = send_first().await.unwrap();

    settle().await;
    let Sent::Accepted(event) = sent else { panic!("{sent:?}") };
    let EventBody::MessageAccepted(accepted) = event.body.clone() else { panic!("{event:?}") };
    assert_eq!(accepted.client_message_id, named("first").client_message_id);
    assert_eq!(during, Sent::Duplicate(accepted.clone()));
    assert_eq!(afterwards, Sent::Duplicate(accepted));
    assert_eq!(room.model.times_asked(), 1);
    assert_eq!(room.stored().await.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_leaves_right_after_sending_is_answered_all_the_same() {
    let room = Room::open().await;

    let left = room.send(QUESTION).now_or_never();

    assert!(left.is_none(), "it was done before the caller could leave");
    let asked = room.model.asked().await;
    asked.say(ANSWER).await;
    asked.finish(FinishReason::Stop).await;
    settle().await;
    let answer = room.last_stored().await;
    assert_eq!((answer.content.as_str(), answer.status), (ANSWER, MessageStatus::Complete));
}

#[tokio::test(start_paused = true)]
async fn a_message_that_can_not_be_told_is_refused_and_its_conversation_takes_the_next() {
    let room = Room::open().await.on(|ports| ports.log = log_that_refuses("message_accepted"));

    let refused = room.send(QUESTION).await;
    settle().await;
    let next = room.send("What else?").await;

    assert_eq!(code(refused), "storage_unavailable");
    assert_eq!(code(next), "storage_unavailable", "not turn_in_progress");
    assert_eq!(room.stored().await[1].status, MessageStatus::Failed);
    assert_eq!(room.model.times_asked(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_title_that_can_not_be_told_keeps_no_answer_from_being_made() {
    let room = Room::open().await.on(|ports| ports.log = log_that_refuses("conversation_updated"));

    let sent = room.send(QUESTION).await.unwrap();

    let Sent::Accepted(event) = sent else { panic!("{sent:?}") };
    assert_eq!(in_short(&event.body), "accepted: 2 + 2 = 4");
    room.model.asked().await.finish(FinishReason::Stop).await;
    settle().await;
    assert_eq!(room.last_stored().await.status, MessageStatus::Complete);
}
