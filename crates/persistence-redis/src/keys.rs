use std::sync::Arc;

use webchat_domain::{ConversationId, SessionId};

/// Where what is kept stands in Redis.
#[derive(Clone)]
pub(crate) struct Keys {
    prefix: Arc<str>,
}

impl Keys {
    pub(crate) fn new(prefix: &str) -> Self {
        Self { prefix: prefix.into() }
    }

    pub(crate) fn session(&self, id: SessionId) -> String {
        format!("{}session:{}", self.prefix, id.to_simple())
    }

    /// The stream of a conversation's events, and the channel that tells their numbers.
    pub(crate) fn events(&self, id: ConversationId) -> String {
        format!("{}events:{}", self.prefix, id.to_simple())
    }

    /// What is known of a conversation's events beside themselves.
    pub(crate) fn log(&self, id: ConversationId) -> String {
        format!("{}log:{}", self.prefix, id.to_simple())
    }

    /// Since when this Redis keeps what it is given.
    pub(crate) fn origin(&self) -> String {
        format!("{}origin", self.prefix)
    }

    /// The channel of the signals.
    pub(crate) fn signals(&self) -> String {
        format!("{}signals", self.prefix)
    }

    /// Whose events a channel tells; `None` for what is no channel of ours.
    pub(crate) fn conversation_of(&self, channel: &str) -> Option<ConversationId> {
        channel.strip_prefix(&*self.prefix)?.strip_prefix("events:")?.parse().ok()
    }
}
