//! The keys and channels in Redis.

use std::sync::Arc;

use webchat_domain::{ConversationId, SessionId};

/// The keys and channels of an installation.
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

    /// The stream of a conversation's events, and the channel of their numbers.
    pub(crate) fn events(&self, id: ConversationId) -> String {
        format!("{}events:{}", self.prefix, id.to_simple())
    }

    /// The metadata of a conversation's events.
    pub(crate) fn log(&self, id: ConversationId) -> String {
        format!("{}log:{}", self.prefix, id.to_simple())
    }

    /// The time since which this Redis has not lost data.
    pub(crate) fn origin(&self) -> String {
        format!("{}origin", self.prefix)
    }

    /// The channel of the signals.
    pub(crate) fn signals(&self) -> String {
        format!("{}signals", self.prefix)
    }

    /// The conversation of a channel; `None` if the channel is not one of ours.
    pub(crate) fn conversation_of(&self, channel: &str) -> Option<ConversationId> {
        channel.strip_prefix(&*self.prefix)?.strip_prefix("events:")?.parse().ok()
    }
}
