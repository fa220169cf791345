//! Tests of all formats together.

use std::io::Cursor;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use webchat_domain::{
    ClientMessageId, Context, Conversation, ConversationId, ExampleId, FewShotExample, Message,
    MessageId, MessageStatus, ModelParameters, Role, Summary, SummaryAuthor, SystemPrompt,
    Timestamp, Title, TurnId, UserId,
};
use webchat_persistence::{StoredConversation, StoredMessage};

use super::flask::{FlaskLayout, FlaskWriter};
use super::imported::ImportedConversation;
use super::read_error::ReadError;
use super::reader::read;
use super::{flask, json};

const NOW: Timestamp = Timestamp::FIXTURE;
const CHATGPT: &str = include_str!("../../../../tests/fixtures/chatgpt-conversations.json");

type CompleteConversation = (StoredConversation, Vec<StoredMessage>);

fn file(conversations: &[CompleteConversation], with_user_id: bool) -> String {
    let bodies = conversations.iter().map(|(stored, messages)| {
        let start = json::start_of_conversation(stored, with_user_id).unwrap();
        let messages = json::messages(messages.clone()).unwrap();
        format!("{start}{messages}{}", json::END_OF_CONVERSATION)
    });
    let bodies: Vec<String> = bodies.collect();
    format!("{}{}{}", json::OPENING, bodies.join(json::SEPARATOR), json::CLOSING)
}

fn read_all(text: &str) -> Result<Vec<ImportedConversation>, ReadError> {
    let mut all = Vec::new();
    let mut on_conversation = |conversation| {
        all.push(conversation);
        Ok(())
    };
    let count = read(Cursor::new(text), NOW, &mut on_conversation)?;
    assert_eq!(count, u64::try_from(all.len()).unwrap());
    Ok(all)
}

/// Returns the message that the user sees for an invalid file.
fn error_message(text: &str) -> String {
    let mut on_conversation = |_| Ok(());
    read(Cursor::new(text), NOW, &mut on_conversation).unwrap_err().to_string()
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

fn uuid() -> impl Strategy<Value = uuid::Uuid> {
    any::<u128>().prop_map(uuid::Uuid::from_u128)
}

fn timestamps() -> impl Strategy<Value = Timestamp> {
    (-62_167_219_200_000_i64..=253_402_300_799_999).prop_map(Timestamp::from_unix_millis)
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![any::<String>(), Just("\0 \u{2028} \" \\ ```\n🌊".to_owned())]
}

prop_compose! {
    fn contexts()(
        prompt in option::of(text()), summary in option::of((text(), timestamps())),
        examples in vec((uuid(), text(), text(), timestamps()), 0..3),
        seed in option::of(any::<i64>()), tenths in option::of(0..=20_u8),
    ) -> Context {
        let temperature = tenths.map(|tenths| (f64::from(tenths) / 10.0).try_into().unwrap());
        Context {
            system_prompt: prompt.map(|text| SystemPrompt { text, token_count: 3 }),
            parameters: ModelParameters { seed, temperature, ..ModelParameters::default() },
            examples: examples.into_iter().map(|(id, user_prompt, assistant_response, created_at)| {
                FewShotExample {
                    example_id: ExampleId::from(id),
                    user_prompt,
                    assistant_response,
                    prompt_tokens: 1,
                    response_tokens: 2,
                    created_at,
                }
            }).collect(),
            summary: summary.map(|(text, created_at)| Summary {
                text,
                token_count: 4,
                through: 1,
                message_count: 1,
                created_at,
                author: SummaryAuthor::Model,
            }),
        }
    }
}

prop_compose! {
    /// A message with the distance to the previous position, and the index of its parent among the previous
    /// messages.
    fn messages()(
        id in uuid(), gap in 1..4_u64, parent in option::of(any::<prop::sample::Index>()),
        turn in option::of(uuid()), client_id in option::of("[a-z]{4,8}"), is_question in any::<bool>(),
        content in text(), tokens in any::<u32>(), status in 0..5_usize, at in timestamps(),
        active in any::<bool>(),
    ) -> (u64, Option<prop::sample::Index>, StoredMessage) {
        let statuses = [
            MessageStatus::Complete, MessageStatus::Stopped, MessageStatus::Interrupted,
            MessageStatus::Failed, MessageStatus::Truncated,
        ];
        let is_failed = statuses[status] == MessageStatus::Failed;
        let base = if is_failed { Message::full_fixture() } else { Message::fixture() };
        let message = Message {
            message_id: MessageId::from(id),
            turn_id: turn.map(TurnId::from),
            role: if is_question { Role::User } else { Role::Assistant },
            content,
            token_count: tokens,
            status: statuses[status],
            created_at: at,
            ..base
        };
        let client_message_id = client_id.and_then(|id| ClientMessageId::try_from(id).ok());
        (gap, parent, StoredMessage { message, client_message_id, active })
    }
}

prop_compose! {
    fn conversations()(
        id in uuid(), user_id in uuid(), title in option::of("[^\\pC\\pZ]{1,20}"),
        created_at in timestamps(), updated_at in timestamps(), beyond in 1..3_u64,
        context in contexts(), generated in vec(messages(), 0..8),
    ) -> CompleteConversation {
        let conversation_id = ConversationId::from(id);
        let mut messages: Vec<StoredMessage> = Vec::new();
        for (gap, parent, mut stored) in generated {
            stored.message.conversation_id = conversation_id;
            stored.message.position = gap + messages.last().map_or(0, |last| last.message.position);
            let parent = parent.filter(|_| !messages.is_empty()).map(|index| index.get(&messages));
            stored.message.parent_id = parent.map(|parent| parent.message.message_id);
            let client_id = &stored.client_message_id;
            if client_id.is_some()
                && messages.iter().any(|other| other.client_message_id == *client_id)
            {
                stored.client_message_id = None;
            }
            messages.push(stored);
        }
        let end = messages.last().map_or(0, |last| last.message.position);
        let conversation = Conversation {
            conversation_id,
            title: title.and_then(|title| Title::try_from(title).ok()),
            created_at,
            updated_at,
            message_count: 0,
            total_tokens: 0,
            archived: false,
        };
        let (user_id, last_position) = (user_id.into(), end + beyond);
        (StoredConversation { user_id, conversation, head: None, last_position, context }, messages)
    }
}

proptest! {
    #[test]
    fn a_written_file_is_read_back_unchanged(written in vec(conversations(), 0..4)) {
        let text = file(&written, true);

        let read: Vec<CompleteConversation> = read_all(&text).unwrap().into_iter().map(as_stored).collect();

        prop_assert_eq!(&read, &written);
        prop_assert_eq!(file(&read, true), text);
    }

    #[test]
    fn any_text_is_either_read_or_rejected_as_invalid(
        start in "([\\[{ ]|\\[\\{\"(mapping|role)\":)?", rest in any::<String>(),
    ) {
        let mut on_conversation = |_| Ok(());
        if let Err(error) = read(Cursor::new(start + &rest), NOW, &mut on_conversation) {
            prop_assert!(matches!(error, ReadError::Invalid(_)));
        }
    }

    #[test]
    fn a_flask_history_is_read_back_unchanged(texts in vec((any::<bool>(), text()), 1..6)) {
        let role = |is_question| if is_question { "user" } else { "assistant" };
        let history: Vec<_> = texts
            .into_iter()
            .map(|(is_question, content)| flask::FlaskMessage {
                role: role(is_question).to_owned(),
                content,
            })
            .collect();
        let text = serde_json::to_string_pretty(&history).unwrap();

        let imported = read_all(&text).unwrap().remove(0);

        let written = |layout| {
            let mut writer = FlaskWriter::new(layout, Vec::new());
            let messages = writer.write(imported.messages.clone()).unwrap();
            messages + &writer.finish().unwrap()
        };
        let history: Vec<_> =
            history.into_iter().filter(|message| !message.content.is_empty()).collect();
        prop_assert_eq!(
            written(FlaskLayout::File),
            serde_json::to_string_pretty(&history).unwrap()
        );
        prop_assert_eq!(
            written(FlaskLayout::Response),
            format!("{{\"conversation\":{}}}", serde_json::to_string(&history).unwrap())
        );
    }
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

/// Users keep files for years, so that the format may only change with its version.
#[test]
fn the_format_is_that_of_version_1() {
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
fn an_invalid_file_is_rejected_with_the_position_of_the_problem() {
    let sample = sample();
    let with_change = |from: &str, to: &str| {
        assert!(sample.contains(from), "{from}");
        error_message(&sample.replacen(from, to, 1))
    };
    let second_id = "\"message_id\":\"00000000-0000-0000-0000-000000000003\"";

    let errors = [
        error_message(""),
        error_message("PK\u{3}\u{4}"),
        error_message("{}"),
        error_message("[{\"a\": 1}]"),
        error_message(sample.strip_suffix("true}\n]}\n]}\n").unwrap()),
        error_message(&format!("{sample}{{}}")),
        with_change("\"version\":1", "\"version\":2"),
        with_change("\"role\":\"assistant\"", "\"role\":\"robot\""),
        with_change("\"position\":2", "\"position\":1"),
        with_change(second_id, "\"message_id\":\"00000000-0000-0000-0000-000000000002\""),
        with_change("\"parent_id\":null", "\"parent_id\":\"00000000-0000-0000-0000-000000000004\""),
        with_change(
            "\"created_at\":\"2026",
            "\"created_at\":\"0000-01-01T00:00:00+01:00\",\"x\":\"2026",
        ),
        with_change("\"last_position\":4", "\"last_position\":9007199254740993"),
        error_message("[{\"mapping\": {\"a\": {\"parent\": \"a\"}}, \"id\": \"x\"}]"),
        error_message("[{\"role\": \"user\", \"content\": \"Hi\"}, {\"role\": \"user\"}]"),
        error_message("[{\"role\": \"king\", \"content\": \"Hi\"}]"),
    ];

    insta::assert_snapshot!(errors.join("\n"), @r#"
    Nothing was imported: the file is empty.
    Nothing was imported: this is not JSON; if it is a ZIP archive, unpack it first.
    Nothing was imported: in line 1, column 2: these are neither conversations of Webchat's nor of ChatGPT's, nor the messages of one.
    Nothing was imported: these are neither conversations of Webchat's nor of ChatGPT's, nor the messages of one.
    Nothing was imported: conversation 1 is broken, at conversations[0].messages[2].active, in line 5, column 242: EOF while parsing a value.
    Nothing was imported: in line 8, column 1: trailing characters.
    Nothing was imported: in line 1, column 32: this is version 2 of the format; this server reads version 1.
    Nothing was imported: conversation 1 is broken, at conversations[0].messages[1].role, in line 4, column 131: unknown variant `robot`, expected `user` or `assistant`.
    Nothing was imported: conversation 1 is broken, at conversations[0], in line 7, column 1: message 2: its position is not greater than that of the previous message.
    Nothing was imported: conversation 1 is broken, at conversations[0], in line 7, column 1: message 2: another message has the same id.
    Nothing was imported: conversation 1 is broken, at conversations[0], in line 7, column 1: message 1: its parent is not an earlier message.
    Nothing was imported: conversation 1 is broken, at conversations[0], in line 7, column 1: a time is not within the years 0 to 9999.
    Nothing was imported: conversation 1 is broken, at conversations[0], in line 7, column 1: a position is beyond 9007199254740992.
    Nothing was imported: conversation 1 is broken, at [0], in line 1, column 48: its messages form a cycle.
    Nothing was imported: conversation 1 is broken, at [1], in line 1, column 52: missing field `content`.
    Nothing was imported: message 1: 'king' is no role.
    "#);
}

#[test]
fn an_error_repeats_only_the_beginning_of_what_the_file_says() {
    let long = "x".repeat(100_000);

    let errors = [
        error_message(&format!("[{{\"role\": \"{long}\", \"content\": \"Hi\"}}]")),
        error_message(&sample().replacen("\"assistant\"", &format!("\"{long}\""), 1)),
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
    assert_eq!((counted.message_count, counted.total_tokens), (2, 10), "visible messages only");
    assert_eq!(conversation.last_position, 4);
}

#[test]
fn chatgpt_branches_become_versions_and_messages_without_a_visible_text_are_skipped() {
    let imported = read_all(CHATGPT).unwrap();

    let tides = &imported[0];
    let lines = tides.messages.iter().map(|stored| {
        let message = &stored.message;
        let parent = message.parent_id.and_then(|parent| {
            tides.messages.iter().position(|other| other.message.message_id == parent)
        });
        let sign = if stored.active { '+' } else { ' ' };
        let (at, status) = (message.created_at.unix_millis(), message.status);
        format!("{sign} {parent:?} {at} {:?} {status:?} {:?}", message.role, message.content)
    });
    insta::assert_snapshot!(lines.collect::<Vec<_>>().join("\n"), @r#"
    + None 1767323046000 User Complete "Why are there two tides a day?"
      Some(0) 1767323047000 Assistant Truncated "The moon."
      Some(1) 1767323049000 User Complete "[image]\n\nAnd here?"
    + Some(0) 1767323051500 Assistant Complete "The moon and the sun, one bulge on each side."
    + Some(3) 1767323053000 Assistant Complete "```python\nprint(2)\n```"
    "#);
    assert_eq!(tides.conversation.title.as_ref().unwrap().as_str(), "Tides");
    assert_eq!(tides.conversation.created_at.unix_millis(), 1_767_323_045_250);
    let other = &imported[1];
    assert_eq!(contents(other, true), ["A question without an answer"]);
    assert_eq!(other.conversation.title.as_ref().unwrap().as_str(), "A question without an answer");
    assert_eq!(other.conversation.created_at, NOW);
}

#[test]
fn leading_system_messages_of_a_flask_file_become_the_summary() {
    let text = r#"[
        {"role": "system", "content": "They met."}, {"role": "system", "content": "They spoke."},
        {"role": "user", "content": "Go on"}, {"role": "bot", "content": "Yes."},
        {"role": "system", "content": "Later"}]"#;

    let imported = read_all(text).unwrap().remove(0);

    assert_eq!(contents(&imported, true), ["Go on", "Yes.", "Later"]);
    let summary = imported.context.summary.clone().unwrap();
    assert_eq!((summary.text.as_str(), summary.through), ("They met.\n\nThey spoke.", 0));
    assert_eq!(read_all(text).unwrap().remove(0), imported, "the second import has the same ids");
    assert_eq!(read_all("[]").unwrap(), []);
}

/// A file in ChatGPT's format whose second conversation has these nodes.
fn chatgpt_file(nodes: impl Iterator<Item = String>) -> String {
    let nodes: Vec<String> = nodes.collect();
    format!(
        "[{{\"id\":\"1\",\"mapping\":{{}}}},{{\"id\":\"2\",\"mapping\":{{{}}}}}]",
        nodes.join(",")
    )
}

fn node(id: usize, parent: usize, message: &str) -> String {
    format!("\"{id}\":{{\"parent\":\"{parent}\"{message}}}")
}

const USER: &str = ",\"message\":{\"author\":{\"role\":\"user\"},\"content\":{\"parts\":";

#[test]
fn a_conversation_with_too_many_messages_is_rejected() {
    let nodes = |count: usize| (1..=count).map(|id| node(id, id - 1, ""));
    let messages = |count| vec!["{\"role\":\"user\",\"content\":\"a\"}"; count].join(",");

    assert!(read_all(&chatgpt_file(nodes(100_000))).is_ok());
    let too_many = [chatgpt_file(nodes(100_001)), format!("[{}]", messages(100_001))];

    // A file of the Flask application is one conversation.
    for (file, place) in too_many.iter().zip(["conversation 2 is broken, at ", "in line 1, "]) {
        let message = error_message(file);
        assert!(message.contains(place), "{message}");
        let limit = "it has more than 100000 messages; split it into several conversations.";
        assert!(message.ends_with(limit), "{message}");
    }
}

#[test]
fn a_conversation_with_too_much_text_is_rejected() {
    let text = "x".repeat(1024 * 1024);
    let message = format!("{USER}[\"{text}\"]}}}}");
    let nodes = |count: usize| (1..=count).map(|id| node(id, id - 1, &message));

    assert!(read_all(&chatgpt_file(nodes(31))).is_ok());
    let message = error_message(&chatgpt_file(nodes(33)));

    assert!(message.contains("conversation 2 is broken"), "{message}");
    assert!(message.contains("more than 32 MiB of text"), "{message}");
}

#[test]
fn a_text_that_is_too_long_to_collect_is_rejected() {
    let text = "x".repeat(25 * 1024 * 1024);
    let files = [
        chatgpt_file(std::iter::once(node(1, 0, &format!("{USER}[\"{text}\"]}}}}")))),
        format!("[{{\"{text}\":1}}]"),
    ];

    for file in files {
        let message = error_message(&file);
        assert!(message.ends_with("a text is longer than 24 MiB."), "{message}");
    }
}

#[test]
fn children_of_nodes_without_a_text_are_connected_and_parts_that_are_no_texts_are_skipped() {
    let parts = "[0,null,true,[\"no\"],\"\",{\"text\":\"one\"},{\"text\":3},\"two\",\
                 {\"content_type\":\"image_asset_pointer\"}]";
    let nodes = [
        node(1, 0, &format!("{USER}{parts}}}}}")),
        node(2, 1, ""),
        node(3, 2, ",\"message\":null"),
        node(4, 3, &format!("{USER}[\"three\"]}}}}")),
    ];

    let imported = read_all(&chatgpt_file(nodes.into_iter())).unwrap().remove(1);

    let [first, second] = &imported.messages[..] else { panic!("{imported:?}") };
    assert_eq!(first.message.content, "one\n\ntwo\n\n[image]");
    assert_eq!(second.message.content, "three");
    assert_eq!(second.message.parent_id, Some(first.message.message_id));
}

#[test]
fn the_context_of_an_imported_conversation_takes_storage() {
    let mut imported = read_all(CHATGPT).unwrap().remove(0);
    let without_context = imported.bytes();

    let (text, token_count) = ("Be brief.".to_owned(), 3);
    imported.context.system_prompt = Some(SystemPrompt { text, token_count });

    assert_eq!(imported.bytes(), without_context + 9);
}
