//! Rules for saving an answer.

use webchat_domain::Timestamp;

use crate::AnswerUpdate;
use crate::rules::ConversationState;

/// The fields of the previously saved answer on which the conversation's counts depend.
#[derive(Clone, Copy, Debug)]
pub struct SavedAnswer {
    /// The number of its tokens.
    pub token_count: u32,
    /// Whether the answer is on the visible path. It can leave the path once the turn's lease has expired.
    pub is_active: bool,
}

impl SavedAnswer {
    /// Returns the number of tokens that the answer adds to its conversation. It is negative if the answer has become
    /// shorter.
    #[must_use]
    pub fn token_delta(self, answer: &AnswerUpdate) -> i64 {
        if self.is_active { i64::from(answer.token_count) - i64::from(self.token_count) } else { 0 }
    }
}

/// Returns the conversation after the answer is saved, or `None` if the answer must not be saved: because the
/// conversation's current turn is another one, or because the turn has ended and `answer` is not its final state. The
/// final state may be saved again.
#[must_use]
pub fn save_answer(
    mut state: ConversationState,
    answer: &AnswerUpdate,
    saved: SavedAnswer,
    now: Timestamp,
) -> Option<ConversationState> {
    let is_final = answer.lease_until.is_none();
    if state.turn_id != Some(answer.turn_id) || (state.lease_until.is_none() && !is_final) {
        return None;
    }
    let total_tokens = &mut state.conversation.total_tokens;
    *total_tokens = total_tokens.saturating_add_signed(saved.token_delta(answer));
    Some(ConversationState { lease_until: answer.lease_until, ..state.updated(now) })
}

#[cfg(test)]
mod tests {
    use webchat_domain::{ConversationId, MessageId, MessageStatus, TurnId};

    use super::*;
    use crate::rules::new_conversation;

    const NOW: Timestamp = Timestamp::FIXTURE;

    fn state(turn_id: Option<TurnId>, lease_until: Option<Timestamp>) -> ConversationState {
        let mut new = new_conversation(ConversationId::generate(), NOW);
        new.conversation.total_tokens = 20;
        ConversationState { turn_id, lease_until, ..new }
    }

    fn update(turn_id: TurnId, lease_until: Option<Timestamp>) -> AnswerUpdate {
        AnswerUpdate {
            message_id: MessageId::generate(),
            turn_id,
            content: "so far".to_owned(),
            reasoning: None,
            token_count: 3,
            status: MessageStatus::Interrupted,
            error: None,
            ended_at: None,
            lease_until,
        }
    }

    fn save(state: ConversationState, answer: &AnswerUpdate) -> Option<ConversationState> {
        save_answer(state, answer, SavedAnswer { token_count: 5, is_active: true }, NOW)
    }

    #[test]
    fn progress_needs_a_lease_but_the_final_state_does_not() {
        let (turn, other) = (TurnId::generate(), TurnId::generate());
        let lease = Some(Timestamp::from_unix_millis(9));
        let (progress, end) = (update(turn, lease), update(turn, None));

        assert!(save(state(Some(turn), lease), &progress).is_some());
        assert!(save(state(Some(turn), lease), &end).is_some());
        assert!(save(state(Some(turn), None), &end).is_some());
        assert!(save(state(Some(turn), None), &progress).is_none());
        assert!(save(state(Some(other), lease), &end).is_none());
        assert!(save(state(None, None), &end).is_none());
    }

    #[test]
    fn only_a_visible_answer_changes_the_token_count() {
        let turn = TurnId::generate();
        let total = |is_active| {
            let saved = SavedAnswer { token_count: 5, is_active };
            save_answer(state(Some(turn), None), &update(turn, None), saved, NOW)
                .map(|state| state.conversation.total_tokens)
        };

        assert_eq!(total(true), Some(18));
        assert_eq!(total(false), Some(20));
    }
}
