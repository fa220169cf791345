//! Rules for duplicates, which return the question and the answer of the first request.

use webchat_domain::{Message, MessageId, Role};

/// A query for the other message of a question and its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counterpart {
    /// The first answer to this question, by position.
    AnswerTo(MessageId),
    /// The question with this id; `None` if the answer follows no question.
    Question(Option<MessageId>),
}

/// Returns the query for the counterpart of the message that was stored under the client message id.
#[must_use]
pub fn counterpart(stored: &Message) -> Counterpart {
    match stored.role {
        Role::User => Counterpart::AnswerTo(stored.message_id),
        Role::Assistant => Counterpart::Question(stored.parent_id),
    }
}

/// Returns a message and its counterpart, the question first.
#[must_use]
pub fn question_and_answer(stored: Message, counterpart: Option<Message>) -> Vec<Message> {
    let mut messages: Vec<Message> = [stored].into_iter().chain(counterpart).collect();
    messages.sort_by_key(|message| message.position);
    messages
}
