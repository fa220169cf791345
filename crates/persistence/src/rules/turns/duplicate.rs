//! What a duplicate returns: the first exchange under its client message id.

use webchat_domain::{Message, MessageId, Role};

/// The other message of an exchange, as a store finds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counterpart {
    /// The first answer to this question, by position.
    AnswerTo(MessageId),
    /// This question; `None` if the answer has none.
    Question(Option<MessageId>),
}

/// Returns which message belongs to the one that was stored under the client message id.
#[must_use]
pub fn counterpart(first: &Message) -> Counterpart {
    match first.role {
        Role::User => Counterpart::AnswerTo(first.message_id),
        Role::Assistant => Counterpart::Question(first.parent_id),
    }
}

/// Returns both messages of an exchange, the question first.
#[must_use]
pub fn exchange(first: Message, other: Option<Message>) -> Vec<Message> {
    let mut messages: Vec<Message> = [first].into_iter().chain(other).collect();
    messages.sort_by_key(|message| message.position);
    messages
}
