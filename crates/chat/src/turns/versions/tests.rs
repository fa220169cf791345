//! Tests of versions: editing, regenerating and selecting.

use std::time::Duration;

use webchat_domain::{
    ClientMessageId, EventBody, FinishReason, Message, MessageId, MessageStatus, UserId,
};

use crate::error::ChatError;
use crate::testing::{ANSWER, QUESTION, TestChat, log_that_rejects, message, settle};
use crate::turns::start_turn_outcome::StartTurnOutcome;

fn code<T: std::fmt::Debug>(result: Result<T, ChatError>) -> &'static str {
    result.unwrap_err().code()
}

async fn edit(
    test: &TestChat,
    old: &Message,
    content: &str,
) -> Result<StartTurnOutcome, ChatError> {
    test.chat.turns.edit(test.user_id, test.conversation_id, old.message_id, message(content)).await
}

async fn regenerate(test: &TestChat, old: Option<&Message>) -> Result<StartTurnOutcome, ChatError> {
    let old = old.map(|old| old.message_id);
    test.chat.turns.regenerate(test.user_id, test.conversation_id, old, None, None).await
}

async fn select(test: &TestChat, version: &Message) -> Result<Message, ChatError> {
    test.chat.turns.select_version(test.user_id, test.conversation_id, version.message_id).await
}

/// Returns a chat with two answered questions.
async fn chat_with_two_answers() -> TestChat {
    let test = TestChat::new().await;
    test.ask_and_answer("one?", "One.").await;
    test.ask_and_answer("two?", "Two.").await;
    test
}

#[tokio::test(start_paused = true)]
async fn an_edited_question_and_its_answer_replace_the_old_ones_on_the_visible_path() {
    let test = chat_with_two_answers().await;
    let old = test.messages().await.remove(2);
    let before = test.published().await.len();

    edit(&test, &old, "three?").await.unwrap();
    let request = test.model.next_request().await;
    let prompt = request.contents().join(" ");
    request.answer("Three.", FinishReason::Stop).await;

    assert_eq!(prompt, "one? One. three?");
    assert_eq!(test.texts().await, ["one?", "One.", "three?", "Three."]);
    let published = &test.published().await[before..];
    assert_eq!(
        published[..4],
        ["branch", "accepted: three?", "chunk: Three.", "end: Stop, Complete"]
    );
    assert_eq!(test.conversation().await.message_count, 4);
}

#[tokio::test(start_paused = true)]
async fn regenerating_the_last_answer_asks_the_same_question_again() {
    let test = chat_with_two_answers().await;
    let [_, _, question, old] = test.messages().await.try_into().unwrap();

    let sent = regenerate(&test, None).await.unwrap();
    let request = test.model.next_request().await;
    let prompt = request.contents().join(" ");
    request.answer("Two, again.", FinishReason::Stop).await;

    assert_eq!(prompt, "one? One. two?");
    let [_, _, same_question, answer] = test.messages().await.try_into().unwrap();
    assert_eq!(same_question, question);
    assert_eq!(answer.content, "Two, again.");
    let StartTurnOutcome::Accepted(event) = sent else { panic!("{sent:?}") };
    let EventBody::MessageAccepted(accepted) = &event.body else { panic!("{event:?}") };
    assert_eq!(
        (accepted.message_id, accepted.position, accepted.answer_id, Some(accepted.turn_id)),
        (question.message_id, 3, answer.message_id, answer.turn_id)
    );
    assert_ne!(answer.turn_id, old.turn_id);
}

#[tokio::test(start_paused = true)]
async fn regenerating_a_last_answer_without_text_replaces_it() {
    let test = TestChat::new().await;
    test.ask(QUESTION).await.fail().await;
    settle().await;
    let [question, failed] = test.messages().await.try_into().unwrap();
    let before = test.published().await.len();

    regenerate(&test, None).await.unwrap();
    test.model.next_request().await.fail().await;
    settle().await;
    test.advance(Duration::from_mins(1)).await;
    regenerate(&test, Some(&failed)).await.unwrap();
    let request = test.model.next_request().await;
    let prompt = request.contents().join(" ");
    test.advance(Duration::from_secs(2)).await;
    request.answer(ANSWER, FinishReason::Stop).await;

    assert_eq!(prompt, QUESTION);
    let page = test.message_page(None, 10).await;
    let [_, answer] = page.messages.try_into().unwrap();
    assert_eq!(answer.versions, [failed.message_id]);
    let answer = answer.message;
    assert_eq!((answer.message_id, answer.content.as_str()), (failed.message_id, ANSWER));
    assert_eq!((answer.status, answer.error), (MessageStatus::Complete, None));
    assert_eq!(answer.ended_at, Some(answer.created_at.plus(Duration::from_secs(2))));
    let conversation = test.conversation().await;
    let total_tokens = u64::from(question.token_count + answer.token_count);
    assert_eq!((conversation.message_count, conversation.total_tokens), (2, total_tokens));
    let published = test.published().await.split_off(before);
    assert!(!published.contains(&"branch".to_owned()), "{published:?}");
}

#[tokio::test(start_paused = true)]
async fn an_answer_with_text_or_with_later_messages_stays_a_version() {
    let test = TestChat::new().await;
    test.ask(QUESTION).await.fail().await;
    settle().await;
    let failed = test.last_message().await;
    let request = test.ask("Still there?").await;
    request.send_text("Yes, I").await;
    settle().await;
    test.chat.turns.stop(test.user_id, test.conversation_id).await.unwrap();
    settle().await;
    let stopped = test.last_message().await;

    regenerate(&test, None).await.unwrap();
    test.model.next_request().await.answer("Yes.", FinishReason::Stop).await;
    let of_stopped = test.message_page(None, 10).await.messages.pop().unwrap();
    regenerate(&test, Some(&failed)).await.unwrap();
    test.model.next_request().await.answer(ANSWER, FinishReason::Stop).await;
    let of_failed = test.message_page(None, 10).await.messages.pop().unwrap();

    assert_eq!(of_stopped.versions, [stopped.message_id, of_stopped.message.message_id]);
    assert_eq!(of_failed.versions, [failed.message_id, of_failed.message.message_id]);
}

#[tokio::test(start_paused = true)]
async fn regenerating_an_earlier_answer_hides_the_messages_after_it() {
    let test = chat_with_two_answers().await;
    let first_answer = test.messages().await.remove(1);

    regenerate(&test, Some(&first_answer)).await.unwrap();
    let request = test.model.next_request().await;
    let prompt = request.contents().join(" ");
    request.answer("Another.", FinishReason::Stop).await;

    assert_eq!(prompt, "one?");
    assert_eq!(test.texts().await, ["one?", "Another."]);
}

#[tokio::test(start_paused = true)]
async fn a_selected_version_is_visible_and_published_once() {
    let test = chat_with_two_answers().await;
    let old = test.messages().await.remove(2);
    edit(&test, &old, "three?").await.unwrap();
    let request = test.model.next_request().await;
    let during = select(&test, &old).await;
    request.answer("Three.", FinishReason::Stop).await;
    let before = test.published().await.len();

    let selected = select(&test, &old).await.unwrap();
    let published = test.published().await;
    select(&test, &old).await.unwrap();

    assert_eq!(code(during), "turn_in_progress");
    assert_eq!(selected, old);
    assert_eq!(test.texts().await, ["one?", "One.", "two?", "Two."]);
    assert_eq!(published[before..], ["branch"]);
    assert_eq!(
        test.published().await,
        published,
        "selecting the visible version published an event"
    );
    let request = test.ask("four?").await;
    assert_eq!(request.contents().join(" "), "one? One. two? Two. four?");
}

#[tokio::test(start_paused = true)]
async fn each_message_of_a_page_lists_all_its_versions() {
    let test = TestChat::new().await;
    test.ask_and_answer(QUESTION, ANSWER).await;
    let [question, answer] = test.messages().await.try_into().unwrap();
    regenerate(&test, None).await.unwrap();
    test.model.next_request().await.answer("Again.", FinishReason::Stop).await;
    let again = test.last_message().await;
    edit(&test, &question, "Why?").await.unwrap();
    test.model.next_request().await.answer("So.", FinishReason::Stop).await;
    let edited = test.messages().await.remove(0);
    select(&test, &question).await.unwrap();

    let page = test.message_page(None, 10).await;

    let versions: Vec<_> = page.messages.into_iter().map(|entry| entry.versions).collect();
    let questions = vec![question.message_id, edited.message_id];
    assert_eq!(versions, [questions, vec![answer.message_id, again.message_id]]);
}

#[tokio::test(start_paused = true)]
async fn a_duplicate_client_message_id_regenerates_an_answer_once() {
    let test = chat_with_two_answers().await;
    let client_message_id = ClientMessageId::try_from("again".to_owned()).ok();
    let send = || {
        test.chat.turns.regenerate(
            test.user_id,
            test.conversation_id,
            None,
            client_message_id.clone(),
            None,
        )
    };

    let first = send().await.unwrap();
    test.model.next_request().await.answer("Again.", FinishReason::Stop).await;
    let second = send().await.unwrap();

    let StartTurnOutcome::Accepted(event) = first else { panic!("{first:?}") };
    let EventBody::MessageAccepted(accepted) = event.body.clone() else { panic!("{event:?}") };
    assert_eq!(second, StartTurnOutcome::Duplicate(accepted));
    assert_eq!(test.model.request_count(), 3);
}

#[tokio::test(start_paused = true)]
async fn invalid_versions_are_rejected_and_nothing_is_published() {
    let test = chat_with_two_answers().await;
    let [question, answer, _, _] = test.messages().await.try_into().unwrap();
    let empty = test.chat.conversations.start(test.user_id, None).await.unwrap().conversation_id;
    let before = test.published().await;
    let (user_id, other_user, id, chat) =
        (test.user_id, UserId::generate(), test.conversation_id, &test.chat);
    let (question_id, answer_id) = (question.message_id, answer.message_id);

    let not_found = [
        edit(&test, &answer, "I said so").await.map(drop),
        regenerate(&test, Some(&question)).await.map(drop),
        chat.turns.regenerate(user_id, empty, None, None, None).await.map(drop),
        chat.turns.select_version(user_id, id, MessageId::generate()).await.map(drop),
        chat.turns.select_version(user_id, empty, question_id).await.map(drop),
    ];
    let by_other_user = [
        chat.turns.edit(other_user, id, question_id, message("mine")).await.map(drop),
        chat.turns.regenerate(other_user, id, Some(answer_id), None, None).await.map(drop),
        chat.turns.regenerate(other_user, id, None, None, None).await.map(drop),
        chat.turns.select_version(other_user, id, question_id).await.map(drop),
    ];

    assert_eq!(not_found.map(code), ["message_not_found"; 5]);
    assert_eq!(by_other_user.map(code), ["conversation_not_found"; 4]);
    assert_eq!(code(edit(&test, &question, " \n").await), "empty_message");
    assert_eq!(test.published().await, before);
    assert_eq!(test.texts().await, ["one?", "One.", "two?", "Two."]);
}

#[tokio::test(start_paused = true)]
async fn a_version_that_fails_to_be_published_does_not_block_its_conversation() {
    let test = TestChat::new().await;
    test.ask_and_answer(QUESTION, ANSWER).await;
    let test = test.with_ports(|ports| ports.log = log_that_rejects("message_accepted"));

    let rejected = regenerate(&test, None).await;
    settle().await;
    let next = regenerate(&test, None).await;

    assert_eq!(code(rejected), "storage_unavailable");
    assert_eq!(code(next), "storage_unavailable", "the conversation is blocked");
    settle().await;
    assert_eq!(test.last_message().await.status, MessageStatus::Failed);
    assert_eq!(test.model.request_count(), 1);
}

#[tokio::test(start_paused = true)]
async fn versions_of_the_first_messages_do_not_change_the_title() {
    let test = TestChat::with_settings(|settings| settings.auto_titles = true).await;
    test.ask_and_answer(QUESTION, ANSWER).await;
    test.model.next_request().await.answer("Sums", FinishReason::Stop).await;
    let question = test.messages().await.remove(0);

    regenerate(&test, None).await.unwrap();
    test.model.next_request().await.answer("Again.", FinishReason::Stop).await;
    edit(&test, &question, "Why?").await.unwrap();
    test.model.next_request().await.answer("So.", FinishReason::Stop).await;

    assert_eq!(test.model.request_count(), 4, "expected a single request for a title");
    assert_eq!(test.conversation().await.title.unwrap().as_str(), "Sums");
}

#[tokio::test(start_paused = true)]
async fn regenerating_and_continuing_are_rejected_during_shutdown() {
    let test = TestChat::new().await;
    test.chat.shutdown(Duration::ZERO).await;

    let (turns, user_id, id) = (&test.chat.turns, test.user_id, test.conversation_id);
    let rejected = [
        turns.regenerate(user_id, id, None, None, None).await,
        turns.continue_answer(user_id, id, None, None).await,
        turns.regenerate(user_id, id, Some(MessageId::generate()), None, None).await,
        turns.continue_answer(user_id, id, Some(MessageId::generate()), None).await,
    ];

    assert_eq!(rejected.map(code), ["shutting_down"; 4]);
}
