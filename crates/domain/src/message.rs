use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{ConversationId, MessageId, Problem, Timestamp, TurnId};

/// Who speaks. A system prompt is not a message.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The person.
    User,
    /// The model.
    Assistant,
}

/// What became of a message.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageStatus {
    /// All of it is there.
    Complete,
    /// The user ended it.
    Stopped,
    /// The server went away while it was being made. An answer bears this status from its first
    /// saved part on, so that a crash needs no repair.
    Interrupted,
    /// The model gave no answer, or broke off.
    Failed,
    /// The model ran into its length limit.
    Truncated,
}

/// A stored message.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Its id.
    pub message_id: MessageId,
    /// The conversation it belongs to.
    pub conversation_id: ConversationId,
    /// Its place in the conversation, from 1, in the order of appending. Along a path positions rise,
    /// with gaps where other versions have theirs.
    pub position: u64,
    /// The message it follows; `None` for the first.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub parent_id: Option<MessageId>,
    /// The turn it was made in; `None` for an imported one.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub turn_id: Option<TurnId>,
    /// Who speaks.
    pub role: Role,
    /// What is said, verbatim.
    pub content: String,
    /// Tokens of the content alone, without what the chat format adds.
    pub token_count: u32,
    /// What became of it.
    pub status: MessageStatus,
    /// Why it failed, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub error: Option<Problem>,
    /// When it was appended.
    pub created_at: Timestamp,
}

/// A message, and what else could stand in its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct VersionedMessage {
    /// The message.
    #[serde(flatten)]
    pub message: Message,
    /// All versions of it, itself among them, oldest first.
    pub versions: Vec<MessageId>,
}

/// A message to be appended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewMessage {
    /// Its id.
    pub message_id: MessageId,
    /// The turn it is made in.
    pub turn_id: Option<TurnId>,
    /// Who speaks.
    pub role: Role,
    /// What is said, verbatim.
    pub content: String,
    /// Tokens of the content alone.
    pub token_count: u32,
    /// What became of it.
    pub status: MessageStatus,
    /// When it is appended.
    pub created_at: Timestamp,
}

macro_rules! client_name {
    ($(#[$doc:meta])* $name:ident, $invalid:ident, $what:literal, $example:literal) => {
        $(#[$doc])*
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        #[cfg_attr(
            feature = "openapi",
            schema(value_type = String, min_length = 1, max_length = 128, examples($example))
        )]
        #[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        #[doc = concat!("A text that can't be a [`", stringify!($name), "`].")]
        #[derive(Debug, Error, PartialEq, Eq)]
        #[error("{} has 1 to 128 characters", $what)]
        pub struct $invalid;

        impl $name {
            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = $invalid;

            fn try_from(text: String) -> Result<Self, $invalid> {
                if (1..=128).contains(&text.chars().count()) { Ok(Self(text)) } else { Err($invalid) }
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }
    };
}

client_name!(
    /// The name a client gives to a message it sends, so that sending it again does nothing twice: 1 to
    /// 128 characters.
    ClientMessageId, InvalidClientMessageId, "a client_message_id", "m1"
);
client_name!(
    /// The name a client gives to what it asks for over HTTP, so that asking again does nothing twice:
    /// 1 to 128 characters. See
    /// <https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/>.
    IdempotencyKey, InvalidIdempotencyKey, "an Idempotency-Key", "k1"
);

impl From<IdempotencyKey> for ClientMessageId {
    fn from(key: IdempotencyKey) -> Self {
        Self(key.0)
    }
}
