//! The keys and channels in Redis.

use std::sync::Arc;

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};
use webchat_domain::{ConversationId, SessionId, UserId};

/// The keys and channels of one installation.
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

    /// Returns the key of the index of the sessions in which a user is signed in.
    pub(crate) fn user_sessions(&self, user_id: UserId) -> String {
        format!("{}user_sessions:{}", self.prefix, user_id.to_simple())
    }

    /// Returns the key of the index of the sessions that belong to a session of an identity provider.
    pub(crate) fn provider_sessions(&self, issuer: &str, provider_session: &str) -> String {
        let hash = Sha256::digest(format!("{issuer}\n{provider_session}"));
        format!("{}provider_sessions:{}", self.prefix, HEXLOWER.encode(&hash))
    }

    /// Returns the key of the stream of a conversation's events, which is also the channel of their sequence numbers for
    /// earlier versions.
    pub(crate) fn events(&self, id: ConversationId) -> String {
        format!("{}events:{}", self.prefix, id.to_simple())
    }

    /// Returns the channel of the notifications of a conversation's events.
    pub(crate) fn notifications(&self, id: ConversationId) -> String {
        format!("{}notifications:{}", self.prefix, id.to_simple())
    }

    /// Returns the key of the metadata of a conversation's events.
    pub(crate) fn log(&self, id: ConversationId) -> String {
        format!("{}log:{}", self.prefix, id.to_simple())
    }

    /// Returns the key of the time since which this Redis server has not lost data.
    pub(crate) fn origin(&self) -> String {
        format!("{}origin", self.prefix)
    }

    /// Returns the channel of the signals.
    pub(crate) fn signals(&self) -> String {
        format!("{}signals", self.prefix)
    }

    /// Returns the conversation of a channel of its events, or `None` for any other channel.
    pub(crate) fn conversation_of(&self, channel: &str) -> Option<ConversationId> {
        let (kind, id) = channel.strip_prefix(&*self.prefix)?.split_once(':')?;
        matches!(kind, "notifications" | "events").then(|| id.parse().ok())?
    }
}
