//! Whether an answer may still be saved, and what that changes in its conversation.

use webchat_domain::{Timestamp, TurnId};

use crate::AnswerUpdate;

/// Checks that the conversation still remembers the answer's turn. A turn that has given up its lease
/// takes no progress, but its end may be saved again.
#[must_use]
pub fn can_save_answer(
    answer: &AnswerUpdate,
    turn_id: Option<TurnId>,
    lease_until: Option<Timestamp>,
) -> bool {
    turn_id == Some(answer.turn_id) && (lease_until.is_some() || answer.lease_until.is_none())
}

/// What `total_tokens` changes by when the answer replaces one of `saved` tokens. Messages off the
/// visible path are not counted: once its lease has expired, an answer can get there.
#[must_use]
pub fn token_difference(answer: &AnswerUpdate, saved: u32, is_active: bool) -> i64 {
    if is_active { i64::from(answer.token_count) - i64::from(saved) } else { 0 }
}

#[cfg(test)]
mod tests {
    use webchat_domain::{MessageId, MessageStatus};

    use super::*;

    fn update(turn_id: TurnId, lease_until: Option<Timestamp>) -> AnswerUpdate {
        AnswerUpdate {
            message_id: MessageId::generate(),
            turn_id,
            content: "so far".to_owned(),
            token_count: 3,
            status: MessageStatus::Interrupted,
            error: None,
            lease_until,
        }
    }

    #[test]
    fn progress_needs_a_lease_and_an_end_only_the_turn() {
        let (turn, other) = (TurnId::generate(), TurnId::generate());
        let lease = Some(Timestamp::from_unix_millis(9));
        let (progress, end) = (update(turn, lease), update(turn, None));

        assert!(can_save_answer(&progress, Some(turn), lease));
        assert!(can_save_answer(&end, Some(turn), lease));
        assert!(can_save_answer(&end, Some(turn), None));
        assert!(!can_save_answer(&progress, Some(turn), None));
        assert!(!can_save_answer(&end, Some(other), lease));
        assert!(!can_save_answer(&end, None, None));
    }

    #[test]
    fn only_visible_answers_count() {
        let answer = update(TurnId::generate(), None);

        assert_eq!(token_difference(&answer, 5, true), -2);
        assert_eq!(token_difference(&answer, 5, false), 0);
    }
}
