//! The ids of imported conversations and messages. The same user and source always give the same ids.

use uuid::{Uuid, uuid};
use webchat_domain::{ConversationId, MessageId, TurnId, UserId};

/// The namespace of all derived UUIDs. It must never change, as stores contain ids that were derived with it.
const NAMESPACE: Uuid = uuid!("a3be6d94-3a83-490a-90e1-c781f76217cb");

/// Returns a conversation's id. `source` is its id in the file.
pub(crate) fn conversation(user_id: UserId, source: ConversationId) -> ConversationId {
    derive(&format!("conversation:{user_id}:{source}")).into()
}

/// Returns a message's id. `conversation` is the derived id, which is unique to the user.
pub(crate) fn message(conversation: ConversationId, source: MessageId) -> MessageId {
    derive(&format!("message:{conversation}:{source}")).into()
}

/// Returns a turn's id. `conversation` is the derived id, which is unique to the user.
pub(crate) fn turn(conversation: ConversationId, source: TurnId) -> TurnId {
    derive(&format!("turn:{conversation}:{source}")).into()
}

/// Parses the string as a UUID, or derives a UUID from it if it is not one.
pub(crate) fn parse_or_derive(text: &str) -> Uuid {
    Uuid::try_parse(text).unwrap_or_else(|_| derive(&format!("text:{text}")))
}

fn derive(name: &str) -> Uuid {
    Uuid::new_v5(&NAMESPACE, name.as_bytes())
}
