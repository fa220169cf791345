//! Documents that the model wrote with a tool, and that are shown beside the conversation.

use serde_json::Value;

use crate::formats::{markdown, values};

/// Returns the document of a tool call of Claude: an artifact or a file.
pub(super) fn of_tool_use(part: &Value) -> Option<String> {
    let input = part.get("input")?;
    let field = |name: &str| input.get(name).and_then(Value::as_str);
    let content = field("content").or_else(|| field("file_text"))?;
    let path = field("path").and_then(|path| path.rsplit('/').next());
    let extension = path.and_then(|path| path.rsplit_once('.')).map(|(_, extension)| extension);
    let is_text = field("type").is_some_and(|kind| kind == "text/markdown");
    let language = field("language").or(extension).unwrap_or_default();
    let is_text = is_text || matches!(language, "markdown" | "md" | "txt");
    Some(document(field("title").or(path), (!is_text).then_some(language), content))
}

/// Returns the document that a message of ChatGPT writes to a canvas.
pub(super) fn of_canvas(message: &Value) -> Option<String> {
    let recipient = message.get("recipient")?.as_str()?;
    if !recipient.starts_with("canmore.create_textdoc") {
        return None;
    }
    let content = message.get("content")?;
    let parts = || values::text(content.get("parts")?.get(0)?);
    let call = content.get("text").and_then(values::text).or_else(parts)?;
    let call: Value = serde_json::from_str(&call).ok()?;
    let field = |name: &str| call.get(name).and_then(Value::as_str);
    let language = field("type").and_then(|kind| kind.strip_prefix("code/"));
    Some(document(field("name"), language, field("content")?))
}

/// Returns a document, as a code block if it has a language.
fn document(title: Option<&str>, language: Option<&str>, content: &str) -> String {
    let content = match language {
        Some(language) => markdown::block(language, content),
        None => content.to_owned(),
    };
    match title {
        Some(title) => format!("**{title}**\n\n{content}"),
        None => content,
    }
}
