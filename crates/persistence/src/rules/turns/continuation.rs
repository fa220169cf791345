//! Rules for continuing an answer.

use webchat_domain::{Message, MessageStatus, Role, Timestamp};

use super::append::{AppendState, check_start};
use crate::rules::ConversationState;
use crate::{AppendOutcome, ContinueAnswer, StoredMessage};

/// Rejects a duplicate, and a continuation while a turn is running. Then checks that `head`, the conversation's head, is
/// the answer to continue and is not complete. Returns the answer.
///
/// # Errors
/// The outcome that rejects the continuation; nothing may be changed.
pub fn check_continuation(
    continuation: &ContinueAnswer,
    head: Option<StoredMessage>,
    state: AppendState,
) -> Result<StoredMessage, AppendOutcome> {
    check_start(state, true)?;
    let Some(head) = head else { return Err(AppendOutcome::Conflict { position: 0 }) };
    let is_unfinished_answer = head.message.message_id == continuation.message_id
        && head.message.role == Role::Assistant
        && head.message.status != MessageStatus::Complete;
    if is_unfinished_answer {
        return Ok(head);
    }
    Err(AppendOutcome::Conflict { position: head.message.position })
}

/// Starts the turn, and assigns the answer to it: the answer is `interrupted` until the turn saves more. An answer
/// without text begins now, and so does its reasoning, because the model does not know it. A summary that covers the
/// answer is dropped.
#[must_use]
pub fn continue_answer(
    state: ConversationState,
    answer: StoredMessage,
    continuation: &ContinueAnswer,
    now: Timestamp,
) -> (ConversationState, StoredMessage) {
    let mut state = state.with_turn(continuation.turn).updated(now);
    let mut message = Message {
        turn_id: Some(continuation.turn.turn_id),
        status: MessageStatus::Interrupted,
        error: None,
        ended_at: None,
        model: continuation.model.clone().or(answer.message.model),
        ..answer.message
    };
    if message.is_blank_answer() {
        let total_tokens = &mut state.conversation.total_tokens;
        *total_tokens = total_tokens.saturating_sub(message.token_count.into());
        message = Message {
            content: String::new(),
            reasoning: None,
            token_count: 0,
            created_at: now,
            ..message
        };
    }
    let client_message_id = continuation.client_message_id.clone().or(answer.client_message_id);
    let answer = StoredMessage { message, client_message_id, ..answer };
    (state, answer)
}

#[cfg(test)]
mod tests {
    use webchat_domain::{MessageId, TurnId};

    use super::*;
    use crate::TurnLease;

    fn continuation(message_id: MessageId) -> ContinueAnswer {
        let lease_until = Timestamp::from_unix_millis(9);
        let turn = TurnLease { turn_id: TurnId::generate(), lease_until };
        ContinueAnswer { message_id, client_message_id: None, turn, model: None }
    }

    fn stored(message: Message) -> StoredMessage {
        StoredMessage { message, client_message_id: None, active: true }
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
            let head = head.cloned().map(stored);
            check_continuation(&continuation(id), head, AppendState::default())
        };

        assert_eq!(check(answer.message_id, Some(&answer)), Ok(stored(answer.clone())));
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

        let checked =
            check_continuation(&continuation(answer.message_id), Some(stored(answer)), state);

        assert_eq!(checked, Err(AppendOutcome::TurnInProgress));
    }
}
