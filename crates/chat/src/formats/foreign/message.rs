//! The message of a node.

use std::collections::HashSet;

use serde_json::Value;
use webchat_domain::{MessageStatus, Role, Timestamp};

use super::{documents, marks};
use crate::formats::{markdown, values};

/// The keys of a conversation or a message whose value is the time at which it was created.
pub(super) const CREATION_TIMES: [&str; 5] =
    ["create_time", "created_at", "createdAt", "inserted_at", "timestamp"];

/// The kinds of content that are not part of the conversation: reasoning, instructions, and output of tools.
const HIDDEN_KINDS: [&str; 14] = [
    "thoughts",
    "reasoning_recap",
    "reasoning",
    "thinking",
    "redacted_thinking",
    "think",
    "user_editable_context",
    "model_editable_context",
    "tether_browsing_display",
    "tether_browsing_code",
    "execution_output",
    "system_error",
    "tool_use",
    "tool_result",
];

/// The types of content parts that are not imported, of all applications.
const HIDDEN_PARTS: [&str; 10] = [
    "thoughts",
    "reasoning",
    "thinking",
    "redacted_thinking",
    "think",
    "tool_result",
    "tool_call",
    "token_budget",
    "search",
    "web_search",
];

/// The placeholder for an image, because the file does not contain it.
const IMAGE: &str = "[image]";

/// The imported parts of a message.
#[derive(Debug)]
pub(super) struct MessageText {
    pub(super) role: Role,
    pub(super) content: String,
    pub(super) status: MessageStatus,
}

/// The outcome of reading a node, with the node's time.
pub(super) enum ReadOutcome {
    Text(MessageText, Option<Timestamp>),
    /// The node has no message, or one that is not imported: of a tool, hidden, or an answer without text.
    Skipped(Option<Timestamp>),
    /// The node is a message, but no text was found in it.
    NoText(Option<Timestamp>),
    /// The node has a text that can't be imported, for this reason.
    LeftOut(&'static str, Option<Timestamp>),
}

enum Author {
    Known(Role),
    /// The application or a tool.
    Hidden,
    Unknown,
    Missing,
}

/// Reads the message of a node.
pub(super) fn read(node: &Value) -> ReadOutcome {
    let message = node.get("message").filter(|_| !node.is_string()).unwrap_or(node);
    let names = CREATION_TIMES.iter().chain(&["update_time", "updated_at"]);
    let created_at = names.copied().find_map(|name| values::time(message.get(name)?));
    let author = author(message);
    let shown = documents::of_canvas(message).or_else(|| generated_images(message));
    if let Some(content) = shown {
        let text = MessageText { role: Role::Assistant, content, status: MessageStatus::Complete };
        return ReadOutcome::Text(text, created_at);
    }
    if matches!(author, Author::Hidden) || is_hidden(message) {
        return ReadOutcome::Skipped(created_at);
    }
    let mut content = content(message);
    if matches!(author, Author::Known(Role::Assistant)) {
        content = marks::clean(&content);
    }
    if content.trim().is_empty() {
        return match author {
            Author::Known(Role::Assistant) => ReadOutcome::Skipped(created_at),
            Author::Missing if !message.is_object() || message.get("children").is_some() => {
                ReadOutcome::Skipped(created_at)
            }
            _ => ReadOutcome::NoText(created_at),
        };
    }
    match author {
        Author::Known(role) => {
            let status = status(message);
            ReadOutcome::Text(MessageText { role, content, status }, created_at)
        }
        Author::Unknown => ReadOutcome::LeftOut("the role of the author is unknown", created_at),
        _ => ReadOutcome::LeftOut("the author is missing", created_at),
    }
}

fn author(message: &Value) -> Author {
    if let Some(is_user) = message.get("isCreatedByUser").and_then(Value::as_bool) {
        return Author::Known(if is_user { Role::User } else { Role::Assistant });
    }
    let Some(name) = author_name(message) else { return author_of_fragments(message) };
    match name.trim().to_ascii_lowercase().as_str() {
        "user" | "human" => Author::Known(Role::User),
        "assistant" | "ai" | "bot" | "model" | "gpt" | "chatgpt" | "claude" => {
            Author::Known(Role::Assistant)
        }
        "system" | "tool" | "function" | "developer" | "critic" | "discriminator" => Author::Hidden,
        _ => Author::Unknown,
    }
}

/// Returns the author of a message of `DeepSeek`, which only the kinds of its fragments show.
fn author_of_fragments(message: &Value) -> Author {
    let fragments = message.get("fragments").and_then(Value::as_array).into_iter().flatten();
    let kinds: Vec<&str> = fragments.filter_map(|fragment| text(fragment, "type")).collect();
    if kinds.contains(&"REQUEST") {
        Author::Known(Role::User)
    } else if kinds.is_empty() {
        Author::Missing
    } else {
        Author::Known(Role::Assistant)
    }
}

/// Returns the role or the name of a message's author.
pub(super) fn author_name(message: &Value) -> Option<String> {
    let names = ["author", "role", "sender", "from"];
    names.into_iter().filter_map(|name| message.get(name)).find_map(|author| {
        let role = || author.get("role").or_else(|| author.get("name")).and_then(values::text);
        values::text(author).or_else(role)
    })
}

fn is_hidden(message: &Value) -> bool {
    let metadata = message.get("metadata");
    let is_hidden = metadata.and_then(|it| it.get("is_visually_hidden_from_conversation"));
    let is_for_user = text(message, "recipient").is_none_or(|to| to == "all");
    let is_reasoning = text(message, "channel") == Some("analysis");
    // A draft that the user did not get to see.
    let is_draft = message.get("weight").and_then(Value::as_f64) == Some(0.0)
        && author_name(message).is_some_and(|name| name.eq_ignore_ascii_case("assistant"));
    !is_for_user || is_reasoning || is_draft || is_hidden == Some(&Value::Bool(true))
}

fn status(message: &Value) -> MessageStatus {
    let details = message.get("metadata").and_then(|metadata| metadata.get("finish_details"));
    let is = |name: &str, value: bool| message.get(name).and_then(Value::as_bool) == Some(value);
    match (details.and_then(|details| text(details, "type")), text(message, "status")) {
        (Some("max_tokens"), _) => MessageStatus::Truncated,
        (Some("interrupted"), _) => MessageStatus::Stopped,
        (_, Some("in_progress")) => MessageStatus::Interrupted,
        _ if is("unfinished", true) || is("done", false) => MessageStatus::Interrupted,
        _ => MessageStatus::Complete,
    }
}

/// Returns the text of a message, including that of attachments.
fn content(message: &Value) -> String {
    let mut content = text_of(message);
    // The text of the message may already have a placeholder.
    let mut has_image = content.contains(IMAGE);
    // Claude lists some files twice.
    let mut known = HashSet::new();
    let lists = [
        message.get("attachments"),
        message.get("files"),
        message.get("metadata").and_then(|metadata| metadata.get("attachments")),
    ];
    for list in lists {
        for file in list.and_then(Value::as_array).into_iter().flatten() {
            let kinds = ["type", "mimeType", "mime_type"];
            let is_image =
                kinds.iter().any(|kind| text(file, kind).is_some_and(|it| it.starts_with("image")));
            if is_image {
                if !std::mem::replace(&mut has_image, true) {
                    push(&mut content, IMAGE);
                }
                continue;
            }
            let names = ["file_name", "fileName", "filename", "name"];
            let Some(name) = names.into_iter().find_map(|name| text(file, name)) else { continue };
            if !known.insert(name) {
                continue;
            }
            push(&mut content, &format!("[file: {name}]"));
            if let Some(extracted) = extracted_text(file).filter(|it| !it.is_empty()) {
                push(&mut content, &markdown::block("", extracted));
            }
        }
    }
    content
}

/// Returns placeholders for the images in a message of a tool of ChatGPT.
fn generated_images(message: &Value) -> Option<String> {
    let is_tool = author_name(message).is_some_and(|name| name == "tool");
    let parts = message.get("content").filter(|_| is_tool)?.get("parts")?.as_array()?;
    let kinds = parts.iter().filter_map(|part| text(part, "content_type"));
    let images = kinds.filter(|kind| kind.contains("image")).count();
    (images > 0).then(|| vec![IMAGE; images].join("\n\n"))
}

/// Returns the text of an attachment of Claude, `LibreChat` or Open `WebUI`.
fn extracted_text(file: &Value) -> Option<&str> {
    let nested = || text(file.get("file")?.get("data")?, "content");
    text(file, "extracted_content").or_else(|| text(file, "text")).or_else(nested)
}

/// Returns the text of a message, whose content may be a string, a list of parts, or an object.
pub(in crate::formats) fn text_of(message: &Value) -> String {
    let found = match message.get("content") {
        _ if message.is_string() => values::text(message).unwrap_or_default(),
        Some(Value::Array(parts)) => join(parts),
        Some(content @ Value::Object(_)) => object(content),
        Some(content) => values::text(content).unwrap_or_default(),
        None => String::new(),
    };
    if !found.trim().is_empty() {
        return found;
    }
    let others = ["text", "parts", "value", "message", "content_list", "contentChunks"];
    let other = others.into_iter().filter_map(|name| message.get(name)).map(part);
    let mut other = other.chain(message.get("fragments").map(fragments));
    other.find(|text| !text.trim().is_empty()).unwrap_or(found)
}

/// Returns the text of a content object of ChatGPT.
fn object(content: &Value) -> String {
    let kind = text(content, "content_type").or_else(|| text(content, "type")).unwrap_or_default();
    if HIDDEN_KINDS.contains(&kind) {
        return String::new();
    }
    if kind == "code" {
        let language = text(content, "language").filter(|language| *language != "unknown");
        let code = ["text", "content"].into_iter().find_map(|name| text(content, name));
        return markdown::block(language.unwrap_or_default(), code.unwrap_or_default());
    }
    let names = ["parts", "text", "content", "result", "value"];
    let members = names.into_iter().filter_map(|name| content.get(name)).map(part);
    members.into_iter().find(|text| !text.trim().is_empty()).unwrap_or_default()
}

/// Returns the texts of a message of `DeepSeek`. Its other fragments are reasoning and calls of tools.
fn fragments(fragments: &Value) -> String {
    let fragments = fragments.as_array().into_iter().flatten();
    let texts = fragments.filter(|fragment| {
        text(fragment, "type")
            .is_none_or(|kind| kind.contains("REQUEST") || kind.contains("RESPONSE"))
    });
    join(&texts.cloned().collect::<Vec<_>>())
}

fn join(parts: &[Value]) -> String {
    let mut joined = String::new();
    for value in parts.iter().filter(|value| !value.is_array()) {
        // Numbers and booleans in a list are not text.
        if value.is_string() || value.is_object() {
            push(&mut joined, &part(value));
        }
    }
    joined
}

/// Returns the text of a part, or a placeholder for an image, because the file does not contain it.
fn part(value: &Value) -> String {
    match value {
        Value::Array(parts) => join(parts),
        Value::Object(_) => {
            let kind = text(value, "content_type").or_else(|| text(value, "type"));
            let kind = kind.unwrap_or_default().to_ascii_lowercase();
            if kind == "tool_use" {
                return documents::of_tool_use(value).unwrap_or_default();
            }
            // Qwen has several phases, of which only one is the answer.
            let is_other_phase = text(value, "phase").is_some_and(|phase| phase != "answer");
            if is_other_phase || HIDDEN_PARTS.contains(&kind.as_str()) {
                return String::new();
            }
            let names = ["text", "value", "content", "transcript"];
            let members = names.into_iter().filter_map(|name| value.get(name));
            let texts = members.filter(|member| !member.is_number()).map(part);
            let found = texts.into_iter().find(|text| !text.is_empty());
            let is_image = kind.contains("image");
            found.unwrap_or_else(|| if is_image { IMAGE.to_owned() } else { String::new() })
        }
        value => values::text(value).unwrap_or_default(),
    }
}

fn push(joined: &mut String, text: &str) {
    if text.is_empty() {
        return;
    }
    if !joined.is_empty() {
        joined.push_str("\n\n");
    }
    joined.push_str(text);
}

fn text<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value.get(name)?.as_str()
}
