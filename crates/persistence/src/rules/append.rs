//! Whether an append is accepted, and what it changes in its conversation.

use webchat_domain::{Message, MessageId, Title, TurnId};

use crate::{Append, AppendOutcome, StoredMessage, TurnLease};

/// What a store loads before it decides on an append or a continuation.
#[derive(Clone, Debug, Default)]
pub struct AppendState {
    /// The messages that were stored under the client message id, with the other message of their
    /// exchange, ordered by position; empty if the id is new or absent.
    pub duplicate: Vec<Message>,
    /// The turn whose lease has not expired.
    pub running_turn: Option<TurnId>,
    /// The position of the conversation's head, 0 without one. An append that expects no position
    /// does not read it.
    pub head_position: u64,
}

/// Checks the preconditions of an append, in this order: duplicate, turn in progress, expected position.
///
/// # Errors
/// The outcome that rejects the append; nothing may be stored.
pub fn check_append(append: &Append, state: AppendState) -> Result<(), AppendOutcome> {
    let position = state.head_position;
    check_start(state, append.turn.is_some())?;
    match append.expected_position {
        Some(expected) if expected != position => Err(AppendOutcome::Conflict { position }),
        _ => Ok(()),
    }
}

/// Rejects a duplicate, and a second turn beside one that runs.
pub(super) fn check_start(state: AppendState, starts_turn: bool) -> Result<(), AppendOutcome> {
    if !state.duplicate.is_empty() {
        return Err(AppendOutcome::Duplicate(state.duplicate));
    }
    if starts_turn && state.running_turn.is_some() {
        return Err(AppendOutcome::TurnInProgress);
    }
    Ok(())
}

/// What an append changes in its conversation, besides setting `updated_at`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppendEffect {
    /// The new title; `None` keeps the current one.
    pub title: Option<Title>,
    /// The new head; `None` keeps the current one.
    pub head: Option<MessageId>,
    /// How much `message_count` and `last_position` rise.
    pub message_count: u64,
    /// How much `total_tokens` rises.
    pub total_tokens: u64,
    /// The lease of the turn that starts; `None` keeps the current one. A turn takes its conversation
    /// out of the archive.
    pub turn: Option<TurnLease>,
}

impl AppendEffect {
    /// Determines the effect of `append` on a conversation titled `title`, given the messages built
    /// from it.
    #[must_use]
    pub fn of(append: &Append, title: Option<&Title>, messages: &[StoredMessage]) -> Self {
        let messages = messages.iter().map(|stored| &stored.message);
        Self {
            title: append.title.clone().filter(|_| title.is_none()),
            head: messages.clone().next_back().map(|last| last.message_id),
            message_count: messages.clone().map(|_| 1).sum(),
            total_tokens: messages.map(|message| u64::from(message.token_count)).sum(),
            turn: append.turn,
        }
    }
}

#[cfg(test)]
mod tests {
    use webchat_domain::{ConversationId, NewMessage, Timestamp};

    use super::*;
    use crate::rules::{Placement, build_messages};

    fn running(append: Append) -> Append {
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
        let append = running(Append { expected_position: Some(9), ..Append::default() });

        let checked =
            check_append(&append, AppendState { duplicate: duplicate.clone(), ..state() });

        assert_eq!(checked, Err(AppendOutcome::Duplicate(duplicate)));
    }

    #[test]
    fn a_running_turn_rejects_turns_only() {
        let no_turn = Append { expected_position: Some(4), ..Append::default() };

        assert_eq!(check_append(&no_turn, state()), Ok(()));
        assert_eq!(check_append(&running(no_turn), state()), Err(AppendOutcome::TurnInProgress));
    }

    #[test]
    fn another_head_position_than_expected_is_a_conflict() {
        let append = Append { expected_position: Some(3), ..Append::default() };

        let checked = check_append(&append, state());

        assert_eq!(checked, Err(AppendOutcome::Conflict { position: 4 }));
    }

    #[test]
    fn the_effect_counts_messages_and_tokens_and_sets_a_missing_title_only() {
        let title = Title::try_from("New".to_owned()).ok();
        let append = running(Append {
            messages: vec![NewMessage::fixture(), NewMessage::fixture()],
            title: title.clone(),
            ..Append::default()
        });
        let placement =
            Placement { conversation_id: ConversationId::generate(), head: None, last_position: 0 };
        let messages = build_messages(placement, append.messages.clone(), None);

        let untitled = AppendEffect::of(&append, None, &messages);
        let titled = AppendEffect::of(&append, title.as_ref(), &messages);

        assert_eq!((untitled.message_count, untitled.total_tokens), (2, 14));
        assert_eq!(untitled.head, append.messages.last().map(|last| last.message_id));
        assert_eq!((untitled.title, untitled.turn), (title, append.turn));
        assert_eq!(titled.title, None);
    }
}
