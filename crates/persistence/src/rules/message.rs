//! How new messages become stored ones.

use webchat_domain::{ClientMessageId, ConversationId, Message, MessageId, NewMessage};

use crate::StoredMessage;

/// Where new messages are appended.
#[derive(Clone, Copy, Debug)]
pub struct Placement {
    /// Their conversation.
    pub conversation_id: ConversationId,
    /// The parent of the first of them.
    pub head: Option<MessageId>,
    /// The last position that the conversation has used.
    pub last_position: u64,
}

/// Builds visible messages, each the child of the one before it, at the next positions. The client
/// message id belongs to the first of them.
#[must_use]
pub fn build_messages(
    placement: Placement,
    new: Vec<NewMessage>,
    mut client_message_id: Option<ClientMessageId>,
) -> Vec<StoredMessage> {
    let mut parent_id = placement.head;
    new.into_iter()
        .zip(placement.last_position + 1..)
        .map(|(new, position)| {
            let parent_id = parent_id.replace(new.message_id);
            StoredMessage {
                message: build_message(new, placement.conversation_id, position, parent_id),
                client_message_id: client_message_id.take(),
                active: true,
            }
        })
        .collect()
}

/// Builds a message at its position.
#[must_use]
pub fn build_message(
    new: NewMessage,
    conversation_id: ConversationId,
    position: u64,
    parent_id: Option<MessageId>,
) -> Message {
    Message {
        message_id: new.message_id,
        conversation_id,
        position,
        parent_id,
        turn_id: new.turn_id,
        role: new.role,
        content: new.content,
        token_count: new.token_count,
        status: new.status,
        error: None,
        created_at: new.created_at,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_follow_each_other_and_the_first_bears_the_clients_id() {
        let head = Some(MessageId::generate());
        let placement =
            Placement { conversation_id: ConversationId::generate(), head, last_position: 6 };
        let new = vec![NewMessage::fixture(), NewMessage::fixture()];
        let name = ClientMessageId::try_from("c1".to_owned()).ok();

        let built = build_messages(placement, new.clone(), name.clone());

        let shape = |stored: &StoredMessage| (stored.message.position, stored.message.parent_id);
        let expected = [(7, head), (8, Some(new[0].message_id))];
        assert_eq!(built.iter().map(shape).collect::<Vec<_>>(), expected);
        assert_eq!((&built[0].client_message_id, &built[1].client_message_id), (&name, &None));
        assert!(built.iter().all(|stored| stored.active));
    }
}
