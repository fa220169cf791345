//! The Flask application's format, which its `save_history` writes: the messages of one conversation. They are read as
//! a [list of messages](super::foreign::MessageList).

use std::iter::Peekable;
use std::vec::IntoIter;

use serde::Serialize;
use webchat_domain::{FewShotExample, Role};
use webchat_persistence::StoredMessage;

use super::is_visible_text;

/// A message as the Flask application writes it.
#[derive(Serialize)]
struct FlaskMessage {
    role: &'static str,
    content: String,
}

impl FlaskMessage {
    fn new(role: Role, content: String) -> Self {
        let role = match role {
            Role::User => "user",
            Role::Assistant => "assistant",
        };
        Self { role, content }
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
