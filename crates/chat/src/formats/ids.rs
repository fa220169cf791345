//! The ids of imported conversations and messages: always the same for the same user and source.

use uuid::{Uuid, uuid};
use webchat_domain::{ConversationId, MessageId, TurnId, UserId};

/// The namespace of all derived UUIDs. It never changes, as stores contain ids made with it.
const NAMESPACE: Uuid = uuid!("a3be6d94-3a83-490a-90e1-c781f76217cb");

pub(crate) fn conversation(user_id: UserId, source: ConversationId) -> ConversationId {
    derived(&format!("conversation:{user_id}:{source}")).into()
}

/// `conversation` is the derived id, which no other user has.
pub(crate) fn message(conversation: ConversationId, source: MessageId) -> MessageId {
    derived(&format!("message:{conversation}:{source}")).into()
}

/// `conversation` is the derived id, which no other user has.
pub(crate) fn turn(conversation: ConversationId, source: TurnId) -> TurnId {
    derived(&format!("turn:{conversation}:{source}")).into()
}

/// Parses a UUID, or derives one from the text.
pub(crate) fn of_text(text: &str) -> Uuid {
    Uuid::try_parse(text).unwrap_or_else(|_| derived(&format!("text:{text}")))
}

fn derived(name: &str) -> Uuid {
    Uuid::new_v5(&NAMESPACE, name.as_bytes())
}
