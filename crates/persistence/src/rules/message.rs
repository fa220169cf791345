//! Builds stored messages from new ones.

use webchat_domain::{ClientMessageId, NewMessage};

use super::ConversationState;
use crate::StoredMessage;

/// Builds visible messages after the head, at the next positions. Each is a child of the previous one, and the first gets
/// the client message id.
pub(super) fn build_messages(
    state: &ConversationState,
    new: Vec<NewMessage>,
    mut client_message_id: Option<ClientMessageId>,
) -> Vec<StoredMessage> {
    let mut parent_id = state.head;
    new.into_iter()
        .zip(state.last_position + 1..)
        .map(|(new, position)| {
            let parent_id = parent_id.replace(new.message_id);
            let id = state.conversation.conversation_id;
            StoredMessage {
                message: new.into_message(id, position, parent_id),
                client_message_id: client_message_id.take(),
                active: true,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use webchat_domain::{ConversationId, MessageId, Timestamp};

    use super::*;
    use crate::rules::new_conversation;

    #[test]
    fn each_message_is_a_child_of_the_previous_one_and_the_first_has_the_client_message_id() {
        let head = Some(MessageId::generate());
        let new_state = new_conversation(ConversationId::generate(), Timestamp::FIXTURE);
        let state = ConversationState { head, last_position: 6, ..new_state };
        let new = vec![NewMessage::fixture(), NewMessage::fixture()];
        let client_id = ClientMessageId::try_from("c1".to_owned()).ok();

        let built = build_messages(&state, new.clone(), client_id.clone());

        let place = |stored: &StoredMessage| (stored.message.position, stored.message.parent_id);
        let expected = [(7, head), (8, Some(new[0].message_id))];
        assert_eq!(built.iter().map(place).collect::<Vec<_>>(), expected);
        let client_ids = (&built[0].client_message_id, &built[1].client_message_id);
        assert_eq!(client_ids, (&client_id, &None));
        assert!(built.iter().all(|stored| stored.active));
    }
}
