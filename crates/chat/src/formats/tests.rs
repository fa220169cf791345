//! Tests of all formats together.

mod chatgpt;
mod kinds;
mod message_lists;
mod native_oddities;
mod oddities;
mod round_trip;

use std::io::Cursor;

use webchat_domain::{
    ClientMessageId, Context, Conversation, ConversationId, ExampleId, FewShotExample, Message,
    MessageId, MessageStatus, ModelParameters, Role, Summary, SummaryAuthor, SystemPrompt,
    Timestamp, Title, TurnId, UserId,
};
use webchat_persistence::{StoredConversation, StoredMessage};

use super::flask::{FlaskLayout, FlaskWriter};
use super::imported_conversation::ImportedConversation;
use super::left_out::LeftOut;
use super::native;
use super::read_error::ReadError;
use super::reader::{Item, open, read};

const NOW: Timestamp = Timestamp::FIXTURE;
const CHATGPT: &str = include_str!("../../../../tests/fixtures/chatgpt-conversations.json");

type CompleteConversation = (StoredConversation, Vec<StoredMessage>);

fn file(conversations: &[CompleteConversation], with_user_id: bool) -> String {
    let bodies = conversations.iter().map(|(stored, messages)| {
        let start = native::start_of_conversation(stored, with_user_id).unwrap();
        let messages = native::messages(messages.clone()).unwrap();
        format!("{start}{messages}{}", native::END_OF_CONVERSATION)
    });
    let bodies: Vec<String> = bodies.collect();
    format!("{}{}{}", native::opening(None), bodies.join(native::SEPARATOR), native::CLOSING)
}

/// Returns what was read from a file: the conversations, and what was left out.
fn read_bytes(bytes: &[u8]) -> Result<(Vec<ImportedConversation>, Vec<LeftOut>), ReadError> {
    let (mut all, mut left_out) = (Vec::new(), Vec::new());
    let mut file = Cursor::new(bytes);
    let contents = open(&mut file, 64 * 1024 * 1024)?;
    read(file, &contents, NOW, &mut |item| {
        match item {
            Item::Conversation(_, conversation) => all.push(*conversation),
            Item::LeftOut(entry) => left_out.push(entry),
        }
        Ok(())
    })?;
    Ok((all, left_out))
}

fn read_all(text: &str) -> Result<Vec<ImportedConversation>, ReadError> {
    let (all, left_out) = read_bytes(text.as_bytes())?;
    assert_eq!(left_out, []);
    Ok(all)
}

/// Returns the message that the user sees for a file with nothing to import, or the reasons for what is left out.
fn error_message(text: &str) -> String {
    match read_bytes(text.as_bytes()) {
        Err(error) => error.to_string(),
        Ok((_, left_out)) => reasons(&left_out).join("; "),
    }
}

fn reasons(left_out: &[LeftOut]) -> Vec<String> {
    let line = |entry: &LeftOut| {
        let title = entry.title.as_ref().map_or("-", Title::as_str);
        format!("{} ({title}): {}", entry.position, entry.reason)
    };
    left_out.iter().map(line).collect()
}

fn as_stored(imported: ImportedConversation) -> CompleteConversation {
    let stored = StoredConversation {
        user_id: imported.user_id.unwrap(),
        conversation: imported.conversation,
        head: None,
        last_position: imported.last_position,
        context: imported.context,
    };
    (stored, imported.messages)
}

fn contents(imported: &ImportedConversation, active: bool) -> Vec<&str> {
    let messages = imported.messages.iter().filter(|stored| stored.active == active);
    messages.map(|stored| stored.message.content.as_str()).collect()
}

fn sample() -> String {
    let id = |number: u128| uuid::Uuid::from_u128(number);
    let message = |number: u128, active| StoredMessage {
        message: Message {
            message_id: id(number).into(),
            conversation_id: id(1).into(),
            position: u64::try_from(number).unwrap() - 1,
            parent_id: (number > 2).then(|| id(2).into()),
            role: if number > 2 { Role::Assistant } else { Role::User },
            content: format!("number {number}"),
            token_count: 2,
            ..Message::fixture()
        },
        client_message_id: None,
        active,
    };
    let conversation = Conversation {
        conversation_id: id(1).into(),
        title: Title::try_from("Tides".to_owned()).ok(),
        message_count: 2,
        total_tokens: 4,
        ..Conversation::fixture()
    };
    let stored = StoredConversation {
        user_id: id(9).into(),
        conversation,
        head: None,
        last_position: 4,
        context: Context::default(),
    };
    file(&[(stored, vec![message(2, true), message(3, false), message(4, true)])], false)
}

/// Users keep files for years, so the format must not change without a new version number.
#[test]
fn the_format_matches_version_1() {
    insta::assert_snapshot!(sample(), @r#"
    {"format":"webchat","version":1,"conversations":[
    {"conversation_id":"00000000-0000-0000-0000-000000000001","title":"Tides","created_at":"2026-01-02T03:04:05.000Z","updated_at":"2026-01-02T03:04:05.000Z","archived":false,"last_position":4,"context":{"system_prompt":null,"parameters":{},"examples":[],"summary":null},"messages":[
    {"message_id":"00000000-0000-0000-0000-000000000002","position":1,"parent_id":null,"role":"user","content":"number 2","token_count":2,"status":"complete","created_at":"2026-01-02T03:04:05.000Z","active":true},
    {"message_id":"00000000-0000-0000-0000-000000000003","position":2,"parent_id":"00000000-0000-0000-0000-000000000002","role":"assistant","content":"number 3","token_count":2,"status":"complete","created_at":"2026-01-02T03:04:05.000Z","active":false},
    {"message_id":"00000000-0000-0000-0000-000000000004","position":3,"parent_id":"00000000-0000-0000-0000-000000000002","role":"assistant","content":"number 4","token_count":2,"status":"complete","created_at":"2026-01-02T03:04:05.000Z","active":true}
    ]}
    ]}
    "#);
}

#[test]
fn unknown_members_are_ignored_and_members_may_be_in_any_order() {
    let mut value: serde_json::Value = serde_json::from_str(&sample()).unwrap();
    value["conversations"][0]["pinned"] = true.into();
    value["conversations"][0]["messages"][0]["more"] = serde_json::json!({"a": [1]});
    value["about"] = "anything".into();
    // Sorted by name: `conversations` comes before `format`.
    let sorted = value.to_string();

    assert_eq!(read_all(&sorted).unwrap(), read_all(&sample()).unwrap());
}

#[test]
fn an_invalid_file_or_conversation_is_named_with_the_reason() {
    let sample = sample();
    let with_change = |from: &str, to: &str| {
        assert!(sample.contains(from), "{from}");
        error_message(&sample.replacen(from, to, 1))
    };
    let errors = [
        error_message(""),
        error_message("{}"),
        error_message("[{\"a\": 1}]"),
        error_message(sample.strip_suffix("true}\n]}\n]}\n").unwrap()),
        with_change("\"version\":1", "\"version\":2"),
        error_message("[{\"role\": \"king\", \"content\": \"Hi\"}]"),
    ];

    insta::assert_snapshot!(errors.join("\n"), @r#"
    Nothing was imported: the file is empty.
    Nothing was imported: it contains neither conversations nor messages in a form that can be read. Choose the JSON export of Webchat, or the ZIP archive or conversations.json of a ChatGPT or Claude export, or a JSON export of Open WebUI, LibreChat, DeepSeek or Qwen.
    Nothing was imported: it contains neither conversations nor messages in a form that can be read. Choose the JSON export of Webchat, or the ZIP archive or conversations.json of a ChatGPT or Claude export, or a JSON export of Open WebUI, LibreChat, DeepSeek or Qwen.
    1 (Tides): the file breaks off within it; 0 (-): the file breaks off in line 5, or a bracket is missing before; what follows may be missing
    Nothing was imported: this is version 2 of the format; this server reads version 1.
    1 (-): one of its messages was left out: the role of the author is unknown
    "#);
}

#[test]
fn an_error_quotes_only_the_beginning_of_a_long_text() {
    let long = "x".repeat(100_000);

    let errors = [
        error_message(&sample().replacen(
            "\"messages\"",
            &format!("\"title\":\"{long}\",\"x\""),
            1,
        )),
        error_message(&sample().replacen("\"version\":1", &format!("\"version\":\"{long}\""), 1)),
    ];

    for error in errors {
        assert!(error.len() < 500, "{} bytes", error.len());
    }
}

#[test]
fn assigned_ids_and_counts_are_derived_from_the_user_and_the_file() {
    let user_id = UserId::generate();
    let assign = |user_id| read_all(&sample()).unwrap().remove(0).assign_to(user_id, |_| 5);

    let (conversation, messages) = assign(user_id);

    assert_eq!(assign(user_id), (conversation.clone(), messages.clone()));
    let source = read_all(&sample()).unwrap().remove(0);
    assert_ne!(conversation.conversation.conversation_id, source.conversation.conversation_id);
    assert_ne!(assign(UserId::generate()).0.head, conversation.head);
    assert_eq!(messages[2].message.parent_id, Some(messages[0].message.message_id));
    assert_eq!(conversation.head, Some(messages[2].message.message_id));
    let counted = &conversation.conversation;
    assert_eq!(
        (counted.message_count, counted.total_tokens),
        (2, 10),
        "hidden messages were counted"
    );
    assert_eq!(conversation.last_position, 4);
}

#[test]
fn leading_system_messages_of_a_flask_file_become_the_summary() {
    let text = r#"[
        {"role": "system", "content": "They met."}, {"role": "system", "content": "They spoke."},
        {"role": "user", "content": "Go on"}, {"role": "bot", "content": "Yes."},
        {"role": "system", "content": "Later"}]"#;

    let imported = read_all(text).unwrap().remove(0);

    assert_eq!(contents(&imported, true), ["Go on", "Yes."]);
    let summary = imported.context.summary.clone().unwrap();
    assert_eq!((summary.text.as_str(), summary.through), ("They met.\n\nThey spoke.", 0));
    assert_eq!(read_all(text).unwrap().remove(0), imported, "the second import has other ids");
    assert_eq!(read_all("[]").unwrap(), []);
}

#[test]
fn the_context_of_an_imported_conversation_counts_towards_its_size() {
    let mut imported = read_all(CHATGPT).unwrap().remove(0);
    let without_context = imported.bytes();

    let (text, token_count) = ("Be brief.".to_owned(), 3);
    imported.context.system_prompt = Some(SystemPrompt { text, token_count });

    assert_eq!(imported.bytes(), without_context + 9);
}
