//! Editing a conversation.

use webchat_domain::{Conversation, Title};

/// Changes to a conversation. `None` keeps the current value. `updated_at` stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edit {
    /// The new title.
    pub title: Option<Title>,
    /// Whether the conversation is archived.
    pub archived: Option<bool>,
    /// The expected state of the conversation. Any other state is a conflict.
    pub expected: Option<Conversation>,
}

/// The outcome of an edit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EditOutcome {
    /// The conversation after the edit.
    Stored(Conversation),
    /// The conversation is not in the expected state; nothing was changed.
    Conflict,
    /// The user has no such conversation.
    NotFound,
}
