//! The message of a node.

use std::time::Duration;

use serde::Deserialize;
use webchat_domain::{MessageStatus, Role, Timestamp};

use super::parts::Parts;
use crate::formats::markdown;

/// The last second of the year 9999.
const LAST_SECOND: f64 = 253_402_300_799.0;

#[derive(Deserialize)]
pub(super) struct NodeMessage {
    author: Author,
    create_time: Option<f64>,
    content: Option<Content>,
    status: Option<String>,
    recipient: Option<String>,
    metadata: Option<Metadata>,
}

#[derive(Deserialize)]
struct Author {
    role: String,
}

#[derive(Deserialize)]
struct Content {
    #[serde(rename = "content_type")]
    kind: Option<String>,
    parts: Option<Parts>,
    text: Option<String>,
    language: Option<String>,
}

#[derive(Deserialize)]
struct Metadata {
    is_visually_hidden_from_conversation: Option<bool>,
    finish_details: Option<FinishDetails>,
}

#[derive(Deserialize)]
struct FinishDetails {
    #[serde(rename = "type")]
    kind: Option<String>,
}

/// The imported parts of a message.
pub(super) struct NodeText {
    pub(super) role: Role,
    pub(super) content: String,
    pub(super) status: MessageStatus,
}

impl NodeMessage {
    pub(super) fn created_at(&self) -> Option<Timestamp> {
        self.create_time.and_then(timestamp)
    }

    /// Returns the size of the text to import in bytes.
    pub(super) fn text_bytes(&self) -> usize {
        let content = self.content.as_ref().filter(|_| self.role().is_some());
        content.map_or(0, Content::text_bytes)
    }

    /// Returns the text to import. Returns `None` if the message is skipped.
    pub(super) fn into_text(self) -> Option<NodeText> {
        let (role, status) = (self.role()?, self.status());
        let content = self.content?.into_text();
        (!content.trim().is_empty()).then_some(NodeText { role, content, status })
    }

    /// Returns the author. Returns `None` if the message is skipped.
    fn role(&self) -> Option<Role> {
        let role = match self.author.role.as_str() {
            "user" => Role::User,
            "assistant" => Role::Assistant,
            _ => return None,
        };
        let is_for_user = self.recipient.as_deref().is_none_or(|to| to == "all");
        (is_for_user && !self.is_hidden()).then_some(role)
    }

    fn is_hidden(&self) -> bool {
        let metadata = self.metadata.as_ref();
        metadata.and_then(|metadata| metadata.is_visually_hidden_from_conversation) == Some(true)
    }

    fn status(&self) -> MessageStatus {
        let details = self.metadata.as_ref().and_then(|metadata| metadata.finish_details.as_ref());
        match (details.and_then(|details| details.kind.as_deref()), self.status.as_deref()) {
            (Some("max_tokens"), _) => MessageStatus::Truncated,
            (Some("interrupted"), _) => MessageStatus::Stopped,
            (_, Some("in_progress")) => MessageStatus::Interrupted,
            _ => MessageStatus::Complete,
        }
    }
}

impl Content {
    fn text_bytes(&self) -> usize {
        let parts = self.parts.as_ref().map_or(0, |parts| parts.text.len());
        parts + self.text.as_ref().map_or(0, String::len)
    }

    fn into_text(self) -> String {
        match self.kind.as_deref() {
            None | Some("text" | "multimodal_text") => self.parts.unwrap_or_default().text,
            Some("code") => {
                let language = self.language.as_deref().filter(|language| *language != "unknown");
                let code = self.text.as_deref().unwrap_or_default();
                markdown::block(language.unwrap_or_default(), code)
            }
            // Reasoning, instructions and tool output are not part of the conversation.
            Some(_) => String::new(),
        }
    }
}

/// Converts Unix seconds. Returns `None` for a time outside the years 1970 to 9999.
pub(super) fn timestamp(seconds: f64) -> Option<Timestamp> {
    if !(0.0..=LAST_SECOND).contains(&seconds) {
        return None;
    }
    let millis = Duration::try_from_secs_f64(seconds).ok()?.as_millis();
    Some(Timestamp::from_unix_millis(i64::try_from(millis).ok()?))
}
