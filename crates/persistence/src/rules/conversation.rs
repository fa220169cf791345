//! The state of a conversation, without its messages and its context, and its changes.

use webchat_domain::{Conversation, ConversationId, MessageId, Timestamp, TurnId};

use crate::TurnLease;

/// The number of bytes that each conversation and each message counts towards the storage limits, in addition to
/// its texts. The triggers of SQLite contain the same number.
pub const ITEM_OVERHEAD_BYTES: u16 = 512;

/// The state of a conversation. A store loads it, applies a rule, and writes the result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConversationState {
    /// The part that users see.
    pub conversation: Conversation,
    /// The last message of the visible path, the parent of the next one.
    pub head: Option<MessageId>,
    /// The last position that was assigned.
    pub last_position: u64,
    /// The turn that was started last, until its end is published.
    pub turn_id: Option<TurnId>,
    /// The expiry time of the turn's lease; `None` once the turn has ended.
    pub lease_until: Option<Timestamp>,
}

/// Returns the state of a new, empty conversation.
#[must_use]
pub fn new_conversation(id: ConversationId, now: Timestamp) -> ConversationState {
    let conversation = Conversation {
        conversation_id: id,
        title: None,
        created_at: now,
        updated_at: now,
        message_count: 0,
        total_tokens: 0,
        archived: false,
    };
    ConversationState {
        conversation,
        head: None,
        last_position: 0,
        turn_id: None,
        lease_until: None,
    }
}

/// Resets a conversation. The store removes its messages, context and file jobs. The last position stays, so that no
/// position is used again.
#[must_use]
pub fn reset(state: ConversationState, now: Timestamp) -> ConversationState {
    let conversation = Conversation { message_count: 0, total_tokens: 0, ..state.conversation };
    let state =
        ConversationState { conversation, head: None, turn_id: None, lease_until: None, ..state };
    state.updated(now)
}

impl ConversationState {
    /// Returns the turn whose lease is valid at `now`.
    #[must_use]
    pub fn running_turn(&self, now: Timestamp) -> Option<TurnId> {
        self.turn_id.filter(|_| self.lease_until.is_some_and(|until| until > now))
    }

    /// Sets `updated_at`.
    #[must_use]
    pub fn updated(mut self, now: Timestamp) -> Self {
        self.conversation.updated_at = now;
        self
    }

    /// Leases the conversation to a turn, and unarchives it.
    pub(super) fn with_turn(mut self, turn: TurnLease) -> Self {
        self.conversation.archived = false;
        Self { turn_id: Some(turn.turn_id), lease_until: Some(turn.lease_until), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_runs_until_its_lease_expires() {
        let (turn, until) = (Some(TurnId::generate()), Timestamp::from_unix_millis(9));
        let before = Timestamp::from_unix_millis(8);
        let new = new_conversation(ConversationId::generate(), before);
        let running = |turn_id, lease_until, now| {
            ConversationState { turn_id, lease_until, ..new.clone() }.running_turn(now)
        };

        assert_eq!(running(turn, Some(until), before), turn);
        assert_eq!(running(turn, Some(until), until), None);
        assert_eq!(running(turn, None, before), None);
        assert_eq!(running(None, Some(until), before), None);
    }
}
