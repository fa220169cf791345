//! Whether an answer can be continued, and what it is then.

use webchat_domain::{Message, MessageStatus, Role};

use super::append::{AppendState, check_start};
use crate::{AppendOutcome, ContinueAnswer};

/// Checks that `head`, the conversation's head, is the answer to continue and is not complete, after
/// the checks for a duplicate and a running turn.
///
/// # Errors
/// The outcome that rejects the continuation; nothing may be changed.
pub fn check_continuation(
    continuation: &ContinueAnswer,
    head: Option<&Message>,
    state: AppendState,
) -> Result<(), AppendOutcome> {
    check_start(state, true)?;
    let is_unfinished_answer = |head: &Message| {
        head.message_id == continuation.message_id
            && head.role == Role::Assistant
            && head.status != MessageStatus::Complete
    };
    if head.is_some_and(is_unfinished_answer) {
        return Ok(());
    }
    Err(AppendOutcome::Conflict { position: head.map_or(0, |head| head.position) })
}

/// Assigns the answer to the turn that continues it. It is `interrupted` until that turn saves more.
#[must_use]
pub fn continued_answer(answer: Message, continuation: &ContinueAnswer) -> Message {
    Message {
        turn_id: Some(continuation.turn.turn_id),
        status: MessageStatus::Interrupted,
        error: None,
        ..answer
    }
}

#[cfg(test)]
mod tests {
    use webchat_domain::{MessageId, Timestamp, TurnId};

    use super::*;
    use crate::TurnLease;

    fn continuation(message_id: MessageId) -> ContinueAnswer {
        let lease_until = Timestamp::from_unix_millis(9);
        let turn = TurnLease { turn_id: TurnId::generate(), lease_until };
        ContinueAnswer { message_id, client_message_id: None, turn }
    }

    #[test]
    fn only_an_unfinished_answer_at_the_head_is_continued() {
        let answer = Message {
            position: 6,
            role: Role::Assistant,
            status: MessageStatus::Stopped,
            ..Message::fixture()
        };
        let complete = Message { status: MessageStatus::Complete, ..answer.clone() };
        let question = Message { role: Role::User, ..answer.clone() };
        let check = |id, head: Option<&Message>| {
            check_continuation(&continuation(id), head, AppendState::default())
        };

        assert_eq!(check(answer.message_id, Some(&answer)), Ok(()));
        for head in [&complete, &question] {
            let rejected = check(answer.message_id, Some(head));
            assert_eq!(rejected, Err(AppendOutcome::Conflict { position: 6 }));
        }
        let other = check(MessageId::generate(), Some(&answer));
        assert_eq!(other, Err(AppendOutcome::Conflict { position: 6 }));
        let empty = check(answer.message_id, None);
        assert_eq!(empty, Err(AppendOutcome::Conflict { position: 0 }));
    }

    #[test]
    fn a_running_turn_rejects_a_continuation() {
        let answer = Message::fixture();
        let state = AppendState { running_turn: Some(TurnId::generate()), ..Default::default() };

        let checked = check_continuation(&continuation(answer.message_id), Some(&answer), state);

        assert_eq!(checked, Err(AppendOutcome::TurnInProgress));
    }
}
