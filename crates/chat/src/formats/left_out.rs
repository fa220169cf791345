//! What an import leaves out.

use webchat_domain::Title;

use super::read_error::truncate;

/// A conversation, or messages of a conversation, that an import left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// The number of the conversation in the file, from 1.
    pub position: u64,
    /// The id in the file, if it has one.
    pub conversation_id: Option<String>,
    /// The title, if it has one.
    pub title: Option<Title>,
    /// The reason, for the user.
    pub reason: String,
}

impl LeftOut {
    /// Limits the size, because the texts may quote the file.
    pub(super) fn truncated(self) -> Self {
        Self {
            conversation_id: self.conversation_id.map(|id| truncate(&id)),
            reason: truncate(&self.reason),
            ..self
        }
    }
}
