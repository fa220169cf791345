//! The ids that what is brought gets here: always the same ones for the same owner and source.

use uuid::{Uuid, uuid};
use webchat_domain::{ConversationId, MessageId, TurnId, UserId};

/// Of all UUIDs that are derived here. Stores hold what it made: it never changes.
const NAMESPACE: Uuid = uuid!("a3be6d94-3a83-490a-90e1-c781f76217cb");

pub(crate) fn conversation(user_id: UserId, source: ConversationId) -> ConversationId {
    derived(&format!("conversation:{user_id}:{source}")).into()
}

/// `conversation` is the derived one, which is its owner's alone.
pub(crate) fn message(conversation: ConversationId, source: MessageId) -> MessageId {
    derived(&format!("message:{conversation}:{source}")).into()
}

/// `conversation` is the derived one, which is its owner's alone.
pub(crate) fn turn(conversation: ConversationId, source: TurnId) -> TurnId {
    derived(&format!("turn:{conversation}:{source}")).into()
}

/// The UUID that is written there; else one that stands for the text.
pub(crate) fn of_text(text: &str) -> Uuid {
    Uuid::try_parse(text).unwrap_or_else(|_| derived(&format!("text:{text}")))
}

fn derived(name: &str) -> Uuid {
    Uuid::new_v5(&NAMESPACE, name.as_bytes())
}
