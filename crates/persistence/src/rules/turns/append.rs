//! Rules for appends: their preconditions, and their changes to the conversation.

use webchat_domain::{Conversation, Message, Timestamp, TurnId};

use crate::rules::ConversationState;
use crate::rules::message::build_messages;
use crate::{Append, AppendOutcome, StoredMessage};

/// The state that a store loads to check an append or a continuation.
#[derive(Clone, Debug, Default)]
pub struct AppendState {
    /// The message that was stored under the client message id, and its counterpart, ordered by position. Empty if the
    /// id is new or absent.
    pub duplicate: Vec<Message>,
    /// The turn whose lease has not expired.
    pub running_turn: Option<TurnId>,
    /// The position of the conversation's head; 0 if there is none. Stores load it only for an append that expects
    /// a position.
    pub head_position: u64,
}

/// Checks the preconditions of an append, in this order: duplicate, turn in progress, expected position.
///
/// # Errors
/// The outcome that rejects the append; nothing may be stored.
pub fn check_append(append: &Append, state: AppendState) -> Result<(), AppendOutcome> {
    let position = state.head_position;
    check_start(state, append.turn.is_some() || append.version_of.is_some())?;
    match append.expected_position {
        Some(expected) if expected != position => Err(AppendOutcome::Conflict { position }),
        _ => Ok(()),
    }
}

/// Rejects a duplicate, and what must not happen while a turn is running: another turn, and a version, which would hide
/// the answer of the turn.
pub(super) fn check_start(state: AppendState, needs_idle: bool) -> Result<(), AppendOutcome> {
    if !state.duplicate.is_empty() {
        return Err(AppendOutcome::Duplicate(state.duplicate));
    }
    if needs_idle && state.running_turn.is_some() {
        return Err(AppendOutcome::TurnInProgress);
    }
    Ok(())
}

/// Appends the messages. Returns the conversation after the append, and the messages to store.
#[must_use]
pub fn append_messages(
    state: ConversationState,
    append: Append,
    now: Timestamp,
) -> (ConversationState, Vec<StoredMessage>) {
    let messages = build_messages(&state, append.messages, append.client_message_id);
    let count = messages.iter().map(|_| 1_u64).sum::<u64>();
    let tokens = messages.iter().map(|stored| u64::from(stored.message.token_count)).sum::<u64>();
    let conversation = Conversation {
        title: state.conversation.title.or(append.title),
        message_count: state.conversation.message_count + count,
        total_tokens: state.conversation.total_tokens + tokens,
        updated_at: now,
        ..state.conversation
    };
    let appended = ConversationState {
        conversation,
        head: messages.last().map(|last| last.message.message_id).or(state.head),
        last_position: state.last_position + count,
        ..state
    };
    let appended = match append.turn {
        Some(turn) => appended.with_turn(turn),
        None => appended,
    };
    (appended, messages)
}

#[cfg(test)]
mod tests {
    use webchat_domain::{ConversationId, MessageId, NewMessage, Title};

    use super::*;
    use crate::TurnLease;
    use crate::rules::new_conversation;

    fn starting_turn(append: Append) -> Append {
        let lease_until = Timestamp::from_unix_millis(9);
        Append { turn: Some(TurnLease { turn_id: TurnId::generate(), lease_until }), ..append }
    }

    fn state() -> AppendState {
        AppendState {
            running_turn: Some(TurnId::generate()),
            head_position: 4,
            ..Default::default()
        }
    }

    #[test]
    fn a_duplicate_is_reported_before_a_running_turn_and_a_conflict() {
        let duplicate = vec![Message::fixture()];
        let append = starting_turn(Append { expected_position: Some(9), ..Append::default() });

        let checked =
            check_append(&append, AppendState { duplicate: duplicate.clone(), ..state() });

        assert_eq!(checked, Err(AppendOutcome::Duplicate(duplicate)));
    }

    #[test]
    fn a_running_turn_rejects_only_appends_that_start_a_turn_or_add_a_version() {
        let no_turn = Append { expected_position: Some(4), ..Append::default() };
        let version = Append { version_of: Some(MessageId::generate()), ..no_turn.clone() };

        assert_eq!(check_append(&no_turn, state()), Ok(()));
        assert_eq!(check_append(&version, state()), Err(AppendOutcome::TurnInProgress));
        assert_eq!(
            check_append(&starting_turn(no_turn), state()),
            Err(AppendOutcome::TurnInProgress)
        );
    }

    #[test]
    fn an_unexpected_head_position_is_a_conflict() {
        let append = Append { expected_position: Some(3), ..Append::default() };

        let checked = check_append(&append, state());

        assert_eq!(checked, Err(AppendOutcome::Conflict { position: 4 }));
    }

    #[test]
    fn an_append_updates_the_counts_and_sets_only_a_missing_title() {
        let title = |text: &str| Title::try_from(text.to_owned()).ok();
        let append = Append {
            messages: vec![NewMessage::fixture(), NewMessage::fixture()],
            title: title("New"),
            ..Append::default()
        };
        let last = append.messages.last().map(|last| last.message_id);
        let now = Timestamp::from_unix_millis(9);
        let new = new_conversation(ConversationId::generate(), Timestamp::FIXTURE);

        let (state, _) = append_messages(new, append.clone(), now);
        let (titled, _) =
            append_messages(state.clone(), Append { title: title("Other"), ..append }, now);

        let conversation = &state.conversation;
        assert_eq!((conversation.message_count, conversation.total_tokens), (2, 14));
        assert_eq!((&conversation.title, conversation.updated_at), (&title("New"), now));
        assert_eq!((state.head, state.last_position, state.turn_id), (last, 2, None));
        assert_eq!((titled.conversation.title, titled.last_position), (title("New"), 4));
    }

    #[test]
    fn an_append_that_starts_a_turn_unarchives_its_conversation() {
        let mut archived = new_conversation(ConversationId::generate(), Timestamp::FIXTURE);
        archived.conversation.archived = true;
        let (append, now) = (starting_turn(Append::default()), Timestamp::from_unix_millis(8));

        let (started, _) = append_messages(archived.clone(), append.clone(), now);
        let (appended, _) = append_messages(archived, Append::default(), now);

        assert!(!started.conversation.archived);
        assert_eq!(started.running_turn(now), append.turn.map(|turn| turn.turn_id));
        assert!(appended.conversation.archived);
    }
}
