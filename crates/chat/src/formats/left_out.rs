//! What an import leaves out.

use std::collections::BTreeMap;

use webchat_domain::Title;

use super::read_error::truncate;

/// A conversation, or parts of a conversation, that an import left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// The number of the conversation in the file, from 1; 0 for a part of an archive, or the end of the file.
    pub position: u64,
    /// The id in the file, if it has one.
    pub conversation_id: Option<String>,
    /// The title, if it has one.
    pub title: Option<Title>,
    /// The reason, for the user.
    pub reason: String,
    /// The number of messages or other parts; 1 for a conversation.
    pub count: u64,
}

impl LeftOut {
    /// Returns a sentence about it, for a person.
    #[must_use]
    pub fn describe(&self) -> String {
        let title = self.title.as_ref().map(|title| format!(" ({})", title.as_str()));
        match self.position {
            0 => self.reason.clone(),
            position => {
                format!("conversation {position}{}: {}", title.unwrap_or_default(), self.reason)
            }
        }
    }

    /// Limits the size, because the texts may quote the file.
    pub(super) fn truncated(self) -> Self {
        Self {
            conversation_id: self.conversation_id.map(|id| truncate(&id)),
            reason: truncate(&self.reason),
            ..self
        }
    }
}

/// A kind of part of a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    Message,
    SystemPrompt,
    Parameter,
    Example,
    Summary,
    /// The system prompt, the examples and the summary.
    Context,
}

/// The parts that are left out of one imported conversation, and the reasons.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LeftOutParts(BTreeMap<(Part, &'static str), u64>);

impl LeftOutParts {
    /// Adds a part. `reason` follows a colon: "the role is missing".
    pub(super) fn add(&mut self, part: Part, reason: &'static str) {
        *self.0.entry((part, reason)).or_default() += 1;
    }

    /// Returns the sentences for the user, and the number of parts that each is about.
    pub(super) fn sentences(&self) -> impl Iterator<Item = (String, u64)> + '_ {
        self.0.iter().map(|((part, reason), count)| {
            let subject = match part {
                Part::Message => one_or_more("messages", *count),
                Part::Parameter => one_or_more("parameters", *count),
                Part::Example => one_or_more("examples", *count),
                Part::SystemPrompt => "its system prompt was".to_owned(),
                Part::Summary => "its summary was".to_owned(),
                Part::Context => "its system prompt, examples and summary were".to_owned(),
            };
            (format!("{subject} left out: {reason}"), *count)
        })
    }
}

fn one_or_more(noun: &str, count: u64) -> String {
    match count {
        1 => format!("one of its {noun} was"),
        count => format!("{count} of its {noun} were"),
    }
}
