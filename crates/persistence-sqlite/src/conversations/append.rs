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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use futures_util::future::join_all;
    use webchat_domain::{EventBody, EventId, NewMessage, ResponseChunk, TurnId};
    use webchat_persistence::{Conversations, Replay, TurnLease, TurnLog, TurnLogExt};

    use super::*;

    const NOW: Timestamp = Timestamp::FIXTURE;

    async fn start_turn(store: &SqliteStore, user_id: UserId, id: ConversationId) {
        let lease_until = NOW.plus(Duration::from_mins(1));
        let turn = Some(TurnLease { turn_id: TurnId::generate(), lease_until });
        let append = Append { messages: vec![NewMessage::fixture()], turn, ..Append::default() };
        let outcome = store.append(user_id, id, append, NOW).await.unwrap();
        assert!(matches!(outcome, AppendOutcome::Stored { .. }), "{outcome:?}");
    }

    fn chunk() -> EventBody {
        let chunk = "The tides".to_owned();
        EventBody::ResponseChunk(ResponseChunk { chunk, turn_id: TurnId::generate() })
    }

    #[tokio::test]
    async fn the_start_of_a_turn_and_its_events_need_one_commit() {
        let dir = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&dir.path().join("webchat.db")).await.unwrap();
        let (user_id, id) = (UserId::generate(), ConversationId::generate());
        store.create(user_id, id, NOW).await.unwrap();
        let commits = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&commits);
        let count_commits = move |transaction: &Transaction<'_>| {
            transaction.commit_hook(Some(move || counted.fetch_add(1, Ordering::Relaxed) > 100))
        };
        store.database.write(count_commits).await.unwrap();
        let before = commits.load(Ordering::Relaxed);

        start_turn(&store, user_id, id).await;
        for _ in 0..50 {
            store.turn_log().append_one(id, EventId::generate(), chunk()).await.unwrap();
        }

        assert_eq!(commits.load(Ordering::Relaxed) - before, 1);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_reader_misses_no_event_of_a_turn_that_starts() {
        let dir = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&dir.path().join("webchat.db")).await.unwrap();
        let log = store.turn_log();
        for _ in 0..50 {
            let (user_id, id) = (UserId::generate(), ConversationId::generate());
            store.create(user_id, id, NOW).await.unwrap();

            let turn = async {
                start_turn(&store, user_id, id).await;
                log.append_one(id, EventId::generate(), chunk()).await.unwrap()
            };
            let checkpoints = join_all((0..20).map(|_| log.checkpoint(id)));
            let (event, checkpoints) = tokio::join!(turn, checkpoints);

            for checkpoint in checkpoints {
                let latest = checkpoint.unwrap().latest;
                let replay = log.read(id, latest).await.unwrap();
                let missing =
                    if latest < event.seq { vec![Arc::clone(&event)] } else { Vec::new() };
                assert_eq!(replay, Replay::Events(missing));
            }
        }
    }
}
