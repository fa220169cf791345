//! The messages of a request.

use serde::Deserialize;
use serde_json::Value;
use webchat_chat::{ChatMessage, ChatRole};

use super::error::OpenAiError;
use super::fields::parse;
use crate::extract::body::Object;

/// The maximum number of messages of a request.
const MAX_MESSAGES: usize = 2_048;

/// A message as programs send it. Other fields, such as `name`, are ignored.
#[derive(Deserialize)]
struct RawMessage {
    role: String,
    #[serde(default)]
    content: Value,
    #[serde(default)]
    tool_calls: Option<Vec<Value>>,
}

#[derive(Deserialize)]
struct Part {
    r#type: String,
    text: Option<String>,
}

/// Parses the messages.
///
/// # Errors
/// If there are none or too many, or if one has another role, or content other than text.
pub(super) fn parse_messages(messages: Vec<Value>) -> Result<Vec<ChatMessage>, OpenAiError> {
    if messages.is_empty() {
        return Err(OpenAiError::invalid("messages", "expected at least one message"));
    }
    if messages.len() > MAX_MESSAGES {
        let reason = format!("expected at most {MAX_MESSAGES} messages");
        return Err(OpenAiError::invalid("messages", reason));
    }
    let messages = messages.into_iter().enumerate();
    messages.map(|(index, message)| parse_message(&format!("messages[{index}]"), message)).collect()
}

fn parse_message(name: &str, message: Value) -> Result<ChatMessage, OpenAiError> {
    let Object(RawMessage { role, content, tool_calls }) = parse(name, message)?;
    let role = match role.as_str() {
        // Most models know no role `developer`, which is another name for it.
        "system" | "developer" => ChatRole::System,
        "user" => ChatRole::User,
        "assistant" => ChatRole::Assistant,
        "tool" | "function" => {
            return Err(OpenAiError::unsupported(
                &format!("{name}.role"),
                "tools are not available",
            ));
        }
        _ => {
            let reason = "expected system, developer, user or assistant";
            return Err(OpenAiError::invalid(&format!("{name}.role"), reason));
        }
    };
    if tool_calls.is_some_and(|calls| !calls.is_empty()) {
        let param = format!("{name}.tool_calls");
        return Err(OpenAiError::unsupported(&param, "tools are not available"));
    }
    Ok(ChatMessage { role, content: parse_content(&format!("{name}.content"), content)? })
}

fn parse_content(name: &str, content: Value) -> Result<String, OpenAiError> {
    match content {
        Value::String(text) => Ok(text),
        Value::Array(parts) => {
            let parts = parts.into_iter().enumerate();
            let texts = parts.map(|(index, part)| parse_part(&format!("{name}[{index}]"), part));
            Ok(texts.collect::<Result<Vec<_>, _>>()?.join("\n"))
        }
        _ => Err(OpenAiError::invalid(name, "expected a string or an array of text parts")),
    }
}

fn parse_part(name: &str, part: Value) -> Result<String, OpenAiError> {
    let Object(Part { r#type, text }) = parse(name, part)?;
    if r#type != "text" {
        return Err(OpenAiError::unsupported(name, "only text can be sent"));
    }
    text.ok_or_else(|| OpenAiError::invalid(name, "the field `text` is missing"))
}
