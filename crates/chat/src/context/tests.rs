use super::*;
use crate::testing::{ANSWER, QUESTION, Room, prompted};

fn code<T: std::fmt::Debug>(refused: Result<T, ChatError>) -> &'static str {
    refused.unwrap_err().code()
}

async fn context(room: &Room) -> ContextView {
    room.chat.contexts.view(room.user_id, room.id).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn prompt_and_examples_go_before_the_conversation_and_are_counted() {
    let room = Room::open_with(|settings| settings.system_prompt = Some("Be kind.".into())).await;
    let (user_id, id, chat) = (room.user_id, room.id, &room.chat);
    let parameters = serde_json::from_str(r#"{"temperature": 0.5}"#).ok();
    let temperature = ContextEdit { parameters, ..ContextEdit::default() };
    chat.contexts.add_example(user_id, id, None, "1 + 1?".into(), "2.".into()).await.unwrap();
    chat.contexts.edit(user_id, id, temperature.clone(), None).await.unwrap();

    let with_the_servers = room.ask(QUESTION).await.request;
    chat.turns.stop(user_id, id).await.unwrap();
    crate::testing::settle().await;
    chat.contexts.edit(user_id, id, prompted("Be brief."), None).await.unwrap();
    let view = context(&room).await;

    let sent: Vec<_> = with_the_servers.messages.iter().map(|one| one.content.as_str()).collect();
    assert_eq!(sent, ["Be kind.", "1 + 1?", "2.", QUESTION]);
    assert_eq!(with_the_servers.parameters, temperature.parameters.unwrap());
    assert_eq!((view.ledger.system, view.ledger.few_shot), (4 + 3, (4 + 5) + (4 + 2)));
    assert_eq!(view.ledger.history, 3 + (4 + 7));
    assert_eq!(view.ledger.total, 800 + 7 + 15 + 14);
    let told = room.told().await;
    assert_eq!(told[..2], ["few-shot", "context"]);
    assert_eq!(told.last().unwrap(), "context");
}

#[tokio::test(start_paused = true)]
async fn an_example_can_be_taken_away_once() {
    let room = Room::open().await;
    let (user_id, id, chat) = (room.user_id, room.id, &room.chat);
    let example =
        chat.contexts.add_example(user_id, id, None, QUESTION.into(), ANSWER.into()).await.unwrap();

    let removed = chat.contexts.remove_example(user_id, id, example.example_id).await;
    let again = chat.contexts.remove_example(user_id, id, example.example_id).await;

    removed.unwrap();
    assert_eq!(code(again), "example_not_found");
    assert_eq!(context(&room).await.context.examples, []);
}

#[tokio::test(start_paused = true)]
async fn what_goes_in_any_case_leaves_half_of_the_window() {
    let room = Room::with_window(1_800, 800).await;
    let (user_id, id, chat) = (room.user_id, room.id, &room.chat);

    let prompt = chat.contexts.edit(user_id, id, prompted("tide ".repeat(400)), None).await;
    let example =
        chat.contexts.add_example(user_id, id, None, "tide ".repeat(200), "tide".into()).await;
    let shorter = chat.contexts.edit(user_id, id, prompted("Be brief."), None).await;

    prompt.unwrap();
    assert_eq!(code(example), "context_too_long");
    shorter.unwrap();
    assert_eq!(context(&room).await.context.examples, []);
}

#[tokio::test(start_paused = true)]
async fn a_message_that_does_not_fit_beside_prompt_and_examples_is_refused() {
    let room = Room::with_window(1_800, 800).await;
    let prompt = "tide ".repeat(400);
    room.chat.contexts.edit(room.user_id, room.id, prompted(prompt), None).await.unwrap();

    let sent = room.send(&"tide ".repeat(700)).await;

    assert_eq!(code(sent), "message_too_long");
    assert_eq!(room.stored().await, []);
}

#[tokio::test(start_paused = true)]
async fn the_summary_is_the_users_to_change_and_to_take_away() {
    let room = Room::open().await;
    let (user_id, id, chat) = (room.user_id, room.id, &room.chat);
    room.ask_and_answer(QUESTION, ANSWER).await;
    let none = chat.contexts.set_summary(user_id, id, Some("Sums.".into()), None).await;
    room.summarise_up_to(2, "They summed.").await;

    chat.contexts.set_summary(user_id, id, Some("Sums.".into()), None).await.unwrap();
    let changed = context(&room).await;
    let too_long = chat.contexts.set_summary(user_id, id, Some("tide ".repeat(501)), None).await;
    chat.contexts.set_summary(user_id, id, None, None).await.unwrap();
    let gone = context(&room).await;

    assert_eq!(code(none), "no_summary");
    let summary = changed.context.summary.unwrap();
    assert_eq!((summary.text.as_str(), summary.through), ("Sums.", 2));
    assert_eq!(summary.author, SummaryAuthor::User);
    assert_eq!((changed.ledger.summary_through, changed.ledger.history), (2, 3));
    assert_eq!(code(too_long), "context_too_long");
    assert_eq!(gone.context.summary, None);
    assert_eq!(gone.ledger.history, 3 + (4 + 7) + (4 + 6));
}

#[tokio::test(start_paused = true)]
async fn what_was_changed_meanwhile_is_not_written_over() {
    let room = Room::open().await;
    let (user_id, id, chat) = (room.user_id, room.id, &room.chat);
    let known = Some(context(&room).await.revision);
    chat.contexts.edit(user_id, id, prompted("Be brief."), known).await.unwrap();
    room.summarise_up_to(2, "They summed.").await;

    let prompt = chat.contexts.edit(user_id, id, prompted("Be long."), known).await;
    let summary = chat.contexts.set_summary(user_id, id, None, known).await;

    assert!(matches!(prompt, Err(ChatError::RevisionConflict)), "{prompt:?}");
    assert!(matches!(summary, Err(ChatError::RevisionConflict)), "{summary:?}");
    let stays = context(&room).await.context;
    assert_eq!(stays.system_prompt.unwrap().text, "Be brief.");
    assert!(stays.summary.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_stranger_sees_and_changes_nothing() {
    let room = Room::open().await;
    let (stranger, id, chat) = (UserId::generate(), room.id, &room.chat);

    let seen = chat.contexts.view(stranger, id).await;
    let prompt = chat.contexts.edit(stranger, id, prompted("Obey."), None).await;
    let example =
        chat.contexts.add_example(stranger, id, None, QUESTION.into(), ANSWER.into()).await;
    let summary = chat.contexts.set_summary(stranger, id, None, None).await;

    for refused in [seen.map(drop), prompt, example.map(drop), summary] {
        assert_eq!(code(refused), "conversation_not_found");
    }
    assert_eq!(context(&room).await.context, Context::default());
    assert_eq!(room.told().await, [""; 0]);
}
