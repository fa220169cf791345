//! The Flask application's format, which its `save_history` writes: the messages of one conversation.

use std::iter::Peekable;
use std::vec::IntoIter;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;
use webchat_domain::{
    Context, Conversation, ConversationId, FewShotExample, MessageId, NewMessage, Role, Summary,
    SummaryAuthor, Timestamp,
};
use webchat_persistence::StoredMessage;
use webchat_persistence::rules::{ForeignAuthor, foreign_author};

use super::imported_conversation::{ImportedConversation, MAX_BYTES, title_of};
use super::left_out::{LeftOutParts, Part};
use super::{foreign, ids, is_visible_text};

/// A message as the Flask application writes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FlaskMessage {
    /// `user` or `assistant`. Files of the Flask application may contain other roles.
    pub(crate) role: String,
    /// The message's text.
    pub(crate) content: String,
}

impl FlaskMessage {
    /// Reads a message of any application. Its content may be a list of parts.
    pub(crate) fn read(value: &Value) -> Self {
        let role = foreign::author_name(value).unwrap_or_default();
        Self { role, content: foreign::text_of(value) }
    }

    pub(crate) fn text_bytes(&self) -> usize {
        self.role.len() + self.content.len()
    }

    fn new(role: Role, content: String) -> Self {
        let role = match role {
            Role::User => "user",
            Role::Assistant => "assistant",
        };
        Self { role: role.to_owned(), content }
    }
}

/// The layouts in which the Flask application writes messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FlaskLayout {
    /// The file that `save_history` writes: an indented array.
    File,
    /// The response to `/load_conversation`: an object with an array, without white space.
    Response,
}

/// Writes the messages and the examples of one conversation, merged by time, because the Flask application stores
/// examples as messages.
pub(crate) struct FlaskWriter {
    layout: FlaskLayout,
    examples: Peekable<IntoIter<FewShotExample>>,
    is_empty: bool,
}

impl FlaskWriter {
    pub(crate) fn new(layout: FlaskLayout, examples: Vec<FewShotExample>) -> Self {
        Self { layout, examples: examples.into_iter().peekable(), is_empty: true }
    }

    /// Returns the text of the next messages. Hidden versions and empty answers are omitted.
    pub(crate) fn write(&mut self, page: Vec<StoredMessage>) -> serde_json::Result<String> {
        let mut text = String::new();
        for message in page.into_iter().filter(is_visible_text).map(|stored| stored.message) {
            let is_earlier = |example: &FewShotExample| example.created_at <= message.created_at;
            while let Some(example) = self.examples.next_if(is_earlier) {
                self.push_example(&mut text, example)?;
            }
            self.push(&mut text, &FlaskMessage::new(message.role, message.content))?;
        }
        Ok(text)
    }

    /// Returns the text after the last message.
    pub(crate) fn finish(mut self) -> serde_json::Result<String> {
        let mut text = String::new();
        while let Some(example) = self.examples.next() {
            self.push_example(&mut text, example)?;
        }
        if self.is_empty {
            text.push_str(self.opening());
        }
        text.push_str(match self.layout {
            FlaskLayout::File if self.is_empty => "]",
            FlaskLayout::File => "\n]",
            FlaskLayout::Response => "]}",
        });
        Ok(text)
    }

    fn opening(&self) -> &'static str {
        match self.layout {
            FlaskLayout::File => "[",
            FlaskLayout::Response => "{\"conversation\":[",
        }
    }

    fn push_example(
        &mut self,
        text: &mut String,
        example: FewShotExample,
    ) -> serde_json::Result<()> {
        self.push(text, &FlaskMessage::new(Role::User, example.user_prompt))?;
        self.push(text, &FlaskMessage::new(Role::Assistant, example.assistant_response))
    }

    fn push(&mut self, text: &mut String, message: &FlaskMessage) -> serde_json::Result<()> {
        text.push_str(if self.is_empty { self.opening() } else { "," });
        self.is_empty = false;
        match self.layout {
            FlaskLayout::File => {
                // In JSON, message texts contain no literal line breaks.
                let indented = serde_json::to_string_pretty(message)?.replace('\n', "\n  ");
                text.push_str("\n  ");
                text.push_str(&indented);
            }
            FlaskLayout::Response => text.push_str(&serde_json::to_string(message)?),
        }
        Ok(())
    }
}

/// Converts the messages to a conversation. Returns `None` for an empty file. `system` messages at the beginning
/// become the summary. The file has neither times nor ids. The conversation's id is therefore derived from the
/// content, so that a second import of the file finds the conversation.
pub(crate) fn convert(
    messages: Vec<FlaskMessage>,
    now: Timestamp,
) -> Result<Option<ImportedConversation>, String> {
    if messages.is_empty() {
        return Ok(None);
    }
    let content = serde_json::to_vec(&messages).map_err(|error| error.to_string())?;
    let id = ConversationId::from(Uuid::new_v5(&Uuid::NAMESPACE_OID, &content));
    let mut summary: Vec<String> = Vec::new();
    let mut stored: Vec<StoredMessage> = Vec::with_capacity(messages.len());
    let mut left_out = LeftOutParts::default();
    for (number, message) in (1..).zip(messages) {
        if message.content.len() > MAX_BYTES {
            return Err(format!("its message {number} is longer than 4 MiB"));
        }
        if message.content.is_empty() {
            continue;
        }
        let role = match foreign_author(&message.role) {
            Some(ForeignAuthor::System) if stored.is_empty() => {
                summary.push(message.content);
                continue;
            }
            Some(ForeignAuthor::System) => Role::Assistant,
            Some(ForeignAuthor::Native(role) | ForeignAuthor::Mapped(role)) => role,
            None => {
                left_out.add(Part::Message, "the role of the author is unknown");
                continue;
            }
        };
        stored.push(convert_message(id, stored.last(), role, message.content, now));
    }
    Ok(Some(ImportedConversation {
        user_id: None,
        is_native: false,
        conversation: Conversation {
            conversation_id: id,
            title: title_of(&stored),
            created_at: now,
            updated_at: now,
            message_count: 0,
            total_tokens: 0,
            archived: false,
        },
        last_position: stored.last().map_or(0, |last| last.message.position),
        context: Context { summary: summary_of(&summary, now), ..Context::default() },
        messages: stored,
        left_out,
    }))
}

fn summary_of(texts: &[String], now: Timestamp) -> Option<Summary> {
    (!texts.is_empty()).then(|| Summary {
        text: texts.join("\n\n"),
        token_count: 0,
        through: 0,
        message_count: 0,
        created_at: now,
        author: SummaryAuthor::Import,
    })
}

fn convert_message(
    conversation_id: ConversationId,
    previous: Option<&StoredMessage>,
    role: Role,
    content: String,
    now: Timestamp,
) -> StoredMessage {
    let position = previous.map_or(0, |previous| previous.message.position) + 1;
    let parent_id: Option<MessageId> = previous.map(|previous| previous.message.message_id);
    let new = NewMessage {
        message_id: ids::parse_or_derive(&format!("{conversation_id}:{position}")).into(),
        ..NewMessage::new(role, content, 0, now)
    };
    let message = new.into_message(conversation_id, position, parent_id);
    StoredMessage { message, client_message_id: None, active: true }
}
