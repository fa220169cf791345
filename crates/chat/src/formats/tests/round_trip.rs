//! Tests that a written file is read back unchanged.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use serde_json::Value;

use super::*;

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
        reply_tokens in option::of(1..=u32::MAX),
    ) -> Context {
        let temperature = tenths.map(|tenths| (f64::from(tenths) / 10.0).try_into().unwrap());
        Context {
            system_prompt: prompt.map(|text| SystemPrompt { text, token_count: 3 }),
            parameters: ModelParameters { seed, temperature, ..ModelParameters::default() },
            reply_tokens,
            model: Some("gpt-4.1".parse().unwrap()),
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
    /// Generates a message with the distance to the previous position, and the index of its parent among the
    /// previous messages.
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

/// Whether an import keeps the text unchanged: it is not blank, and contains no marks of ChatGPT.
fn is_kept(text: &str) -> bool {
    !text.trim().is_empty() && !text.contains(|c| ('\u{E200}'..='\u{E20F}').contains(&c))
}

/// A message in a file of the Flask application.
#[derive(serde::Serialize)]
struct FlaskMessage {
    role: &'static str,
    content: String,
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
    fn numbers_may_have_a_fraction_of_zero(written in vec(conversations(), 0..4)) {
        let text = file(&written, true);
        let mut json: Value = serde_json::from_str(&text).unwrap();
        add_fractions(&mut json);

        let read: Vec<CompleteConversation> =
            read_all(&json.to_string()).unwrap().into_iter().map(as_stored).collect();

        prop_assert_eq!(file(&read, true), text);
    }

    #[test]
    fn any_text_is_either_read_or_rejected_as_invalid(
        start in "([\\[{ ]|\\[\\{\"(mapping|role)\":)?", rest in any::<String>(),
    ) {
        if let Err(error) = read_bytes((start + &rest).as_bytes()) {
            prop_assert!(matches!(error, ReadError::Invalid(_)));
        }
    }

    #[test]
    fn a_flask_history_is_read_back_unchanged(texts in vec((any::<bool>(), text()), 1..6)) {
        let history: Vec<_> = texts.into_iter().filter(|(_, content)| is_kept(content)).collect();
        prop_assume!(!history.is_empty());
        let role = |is_question| if is_question { "user" } else { "assistant" };
        let message = |(is_question, content): (bool, String)| FlaskMessage { role: role(is_question), content };
        let history: Vec<_> = history.into_iter().map(message).collect();
        let text = serde_json::to_string_pretty(&history).unwrap();

        let imported = read_all(&text).unwrap().remove(0);

        let written = |layout| {
            let mut writer = FlaskWriter::new(layout, Vec::new());
            let messages = writer.write(imported.messages.clone()).unwrap();
            messages + &writer.finish().unwrap()
        };
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

/// Writes each number like 3 as 3.0, as programs in Lua, R and other languages do.
fn add_fractions(value: &mut Value) {
    match value {
        Value::Number(number) => {
            let float = number.as_f64().filter(|float| float.abs() < 1e15);
            *value = float.map_or_else(|| value.clone(), Value::from);
        }
        Value::Array(elements) => elements.iter_mut().for_each(add_fractions),
        Value::Object(members) => members.values_mut().for_each(add_fractions),
        _ => {}
    }
}
