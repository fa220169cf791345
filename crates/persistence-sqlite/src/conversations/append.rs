//! Appending messages to a conversation.

use std::sync::Arc;

use rusqlite::Transaction;
use webchat_domain::{ConversationId, Timestamp, UserId};
use webchat_persistence::rules::{self, ConversationState, NewPath};
use webchat_persistence::{Append, AppendOutcome, StoreError};

use super::path_change::PathChange;
use super::{path, preconditions};
use crate::database::Database;
use crate::events::Reservation;
use crate::{SqliteStore, rows};

pub(crate) fn append(
    transaction: &Transaction<'_>,
    user_id: UserId,
    id: ConversationId,
    append: Append,
    now: Timestamp,
) -> rusqlite::Result<AppendOutcome> {
    let Some(mut state) = rows::find_state(transaction, user_id, id)? else {
        return Ok(AppendOutcome::NotFound);
    };
    if let Err(rejected) = check(transaction, &state, &append, now)? {
        return Ok(rejected);
    }
    if let Some(version_of) = append.version_of {
        let Some(node) = path::find_node(transaction, id, version_of)? else {
            return Ok(AppendOutcome::NotFound);
        };
        state = path::show(transaction, state, NewPath::before(node))?;
    }
    let client_message_id = append.client_message_id.as_ref();
    preconditions::release_client_message_id(transaction, id, client_message_id)?;
    let (state, messages) = rules::append_messages(state, append, now);
    for message in &messages {
        rows::insert_message(transaction, user_id, message)?;
    }
    rows::update_state(transaction, &state)?;
    let messages = messages.into_iter().map(|stored| stored.message).collect();
    Ok(AppendOutcome::Stored { conversation: state.conversation, messages })
}

/// Applies a large change of the visible path in several transactions, before a version is appended. Returns the
/// remaining append.
pub(super) async fn prepare(
    database: &Database,
    user_id: UserId,
    id: ConversationId,
    append: Append,
    now: Timestamp,
) -> Result<Append, StoreError> {
    let find = move |transaction: &Transaction<'_>| {
        let change = match rows::find_state(transaction, user_id, id)? {
            Some(state) if check(transaction, &state, &append, now)?.is_ok() => {
                PathChange::before_append(transaction, user_id, &state, &append)?
            }
            _ => None,
        };
        Ok((change, append))
    };
    let (change, mut append) = database.read_for(user_id, find).await?;
    if let Some(change) = change
        && change.apply(database, now).await?
    {
        // The expected position was checked before the change, and the path now ends at another one.
        append.expected_position = None;
    }
    Ok(append)
}

impl SqliteStore {
    /// Runs a change that appends messages. If it starts a turn, sequence numbers for the events of the turn are reserved
    /// in the same transaction.
    pub(super) async fn append_messages(
        &self,
        id: ConversationId,
        starts_turn: bool,
        append: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<AppendOutcome> + Send + 'static,
    ) -> Result<AppendOutcome, StoreError> {
        let topics = Arc::clone(&self.topics);
        let append_and_reserve = move |transaction: &Transaction<'_>| {
            let outcome = append(transaction)?;
            let reservation = match outcome {
                AppendOutcome::Stored { .. } if starts_turn => {
                    Reservation::for_turn(transaction, &topics, id)?
                }
                _ => None,
            };
            Ok((outcome, reservation))
        };
        let (outcome, reservation) = self.database.write(append_and_reserve).await?;
        if let Some(reservation) = reservation {
            reservation.confirm();
        }
        Ok(outcome)
    }
}

fn check(
    transaction: &Transaction<'_>,
    state: &ConversationState,
    append: &Append,
    now: Timestamp,
) -> rusqlite::Result<Result<(), AppendOutcome>> {
    let head_position = match append.expected_position {
        Some(_) => preconditions::head_position(transaction, state.head)?,
        None => 0,
    };
    let client_message_id = append.client_message_id.as_ref();
    let loaded = preconditions::load_append_state(
        transaction,
        state,
        client_message_id,
        head_position,
        now,
    )?;
    Ok(rules::check_append(append, loaded))
}
