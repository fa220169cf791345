//! Appending messages, and continuing an answer.

use webchat_domain::{
    ClientMessageId, Conversation, Message, MessageId, ModelId, NewMessage, Timestamp, Title,
    TurnId,
};

/// Messages to append, and the preconditions.
#[derive(Clone, Debug, Default)]
pub struct Append {
    /// The messages, in order.
    pub messages: Vec<NewMessage>,
    /// The client's id for the first message. An id that was used in the conversation before changes
    /// nothing; the outcome is [`AppendOutcome::Duplicate`].
    pub client_message_id: Option<ClientMessageId>,
    /// The existing message that the first new one is another version of: both have the same parent. The
    /// existing version and everything after it leave the visible path, which then ends with the new messages;
    /// a summary that covers one of the hidden messages is dropped. `None` appends to the visible path.
    pub version_of: Option<MessageId>,
    /// The position of the last message of the visible path, 0 if it is empty. Any other position is a
    /// conflict.
    pub expected_position: Option<u64>,
    /// The turn that these messages start. Without one, they are appended even while a turn runs.
    pub turn: Option<TurnLease>,
    /// The title for a conversation that has none.
    pub title: Option<Title>,
}

/// A turn's lease on its conversation: until it expires, no other turn starts there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TurnLease {
    /// The turn.
    pub turn_id: TurnId,
    /// The time at which the lease expires, unless it is renewed.
    pub lease_until: Timestamp,
}

/// The outcome of an append or a continuation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AppendOutcome {
    /// The messages are stored.
    Stored {
        /// The conversation after the append.
        conversation: Conversation,
        /// The stored messages.
        messages: Vec<Message>,
    },
    /// The client message id is in use; nothing was stored. Contains the message with this id and its counterpart,
    /// the question first: a question and its first answer, or an answer and its question.
    Duplicate(Vec<Message>),
    /// The visible path does not end at the expected position; nothing was stored.
    Conflict {
        /// The position at which it ends.
        position: u64,
    },
    /// Another turn runs; nothing was stored.
    TurnInProgress,
    /// The user has no such conversation, or no message that the new one is to be a version of.
    NotFound,
}

/// An answer to continue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContinueAnswer {
    /// The answer.
    pub message_id: MessageId,
    /// The client's id for the continuation; it replaces the answer's own. An id that was used in the
    /// conversation before changes nothing.
    pub client_message_id: Option<ClientMessageId>,
    /// The turn that continues the answer.
    pub turn: TurnLease,
    /// The model that continues the answer.
    pub model: Option<ModelId>,
}
