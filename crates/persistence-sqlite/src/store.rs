//! The SQLite implementation of the stores.

use std::path::Path;
use std::sync::{Arc, Mutex};

use tokio::sync::Mutex as AsyncMutex;

use crate::database::{Database, OpenError};
use crate::deletion::{DeletionWorker, removals};
use crate::events::{RunningTurns, SqliteTurnLog, Topics, restore};
use crate::idle_memory::IdleMemory;
use crate::search::{Indexer, unindexed};

/// All stores in one SQLite file. Clones share the database.
#[derive(Clone)]
pub struct SqliteStore {
    pub(crate) database: Arc<Database>,
    pub(crate) deletion_worker: Arc<DeletionWorker>,
    _indexer: Option<Arc<Indexer>>,
    /// Held while a complete conversation is inserted.
    pub(crate) insertion: Arc<AsyncMutex<()>>,
    /// The events of the turn log, for which the start of a turn reserves numbers.
    pub(crate) topics: Arc<Mutex<Topics>>,
    running_turns: Arc<RunningTurns>,
    _idle_memory: Arc<IdleMemory>,
}

impl SqliteStore {
    /// Opens the file, creates it if it does not exist, and migrates its schema. Starts tasks that delete hidden
    /// messages, index those of older versions, and release unused memory; they stop when the last clone is dropped.
    ///
    /// # Errors
    /// See [`OpenError`]. The file is unchanged.
    pub async fn open(path: &Path) -> Result<Self, OpenError> {
        let database = Arc::new(Database::open(path).await?);
        let deletion_worker = Arc::new(DeletionWorker::start(Arc::downgrade(&database)));
        let failed = |error| OpenError::failed(path, error);
        if database.read(removals::exist).await.map_err(failed)? {
            deletion_worker.wake();
        }
        let (topics, running_turns) =
            restore(&database, &path.with_extension("turns.jsonl")).await.map_err(failed)?;
        let topics = Arc::new(Mutex::new(topics));
        let is_unindexed = database.read(unindexed::exist).await.map_err(failed)?;
        let indexer = is_unindexed.then(|| Indexer::start(Arc::downgrade(&database)).into());
        Ok(Self {
            _idle_memory: Arc::new(IdleMemory::start(&database, &topics)),
            database,
            deletion_worker,
            _indexer: indexer,
            insertion: Arc::default(),
            topics,
            running_turns: Arc::new(running_turns),
        })
    }

    /// Returns the turn log. Its sequence numbers are reserved in this file; its events are in memory, and those of
    /// running turns also in a file next to this one, whose extension is `turns.jsonl`.
    #[must_use]
    pub fn turn_log(&self) -> SqliteTurnLog {
        let running_turns = Arc::clone(&self.running_turns);
        SqliteTurnLog::new(Arc::clone(&self.database), Arc::clone(&self.topics), running_turns)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use rusqlite::Connection;
    use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
    use webchat_domain::{
        Context, ConversationId, MessageId, MessageStatus, NewMessage, SearchQuery, Session,
        SessionId, Timestamp, TurnId, UserId,
    };
    use webchat_persistence::{
        AnswerUpdate, Append, AppendOutcome, ArchiveFilter, ClaimScope, Contexts, Conversations,
        Edit, ListOrder, Sessions, TurnLease, UserActivity,
    };

    use super::*;

    const NOW: Timestamp = Timestamp::FIXTURE;

    /// Counts the statements that the connection parses, except those of the transactions.
    fn count_parsed(connection: &Connection, parsed: &Arc<AtomicUsize>) -> rusqlite::Result<()> {
        let parsed = Arc::clone(parsed);
        connection.authorizer(Some(move |context: AuthContext<'_>| {
            if !matches!(context.action, AuthAction::Transaction { .. }) {
                parsed.fetch_add(1, Ordering::Relaxed);
            }
            Authorization::Allow
        }))
    }

    /// Calls what a user with a new conversation calls.
    async fn use_all(store: &SqliteStore) {
        let (user_id, id) = (UserId::generate(), ConversationId::generate());
        let session = Session {
            conversation_id: Some(id),
            ..Session::anonymous(SessionId::generate(), user_id)
        };
        let later = NOW.plus(Duration::from_mins(1));
        Sessions::start(store, &session, NOW, later).await.unwrap();
        Sessions::find(store, session.session_id, NOW).await.unwrap();
        store.record_activity(user_id, NOW, NOW).await.unwrap();
        store.create(user_id, id, NOW).await.unwrap();
        store.replace_context(user_id, id, Context::default(), 0).await.unwrap();
        store.context(user_id, id).await.unwrap();
        let turn_id = TurnId::generate();
        let turn = Some(TurnLease { turn_id, lease_until: later });
        let messages = vec![NewMessage::fixture()];
        let append = Append { messages, turn, ..Append::default() };
        let stored = store.append(user_id, id, append, NOW).await.unwrap();
        let AppendOutcome::Stored { messages, .. } = stored else { panic!("{stored:?}") };
        let message_id = messages[0].message_id;
        assert!(store.save_answer(id, answer(message_id, turn_id), NOW).await.unwrap());
        store.claim_expired_turns(ClaimScope::ALL, NOW, NOW, later, 1).await.unwrap();
        store.end_turn(id, turn_id).await.unwrap();
        store.edit(user_id, id, Edit::default()).await.unwrap();
        store.messages(user_id, id, None, 10).await.unwrap();
        store.message(user_id, id, message_id).await.unwrap();
        store.children(user_id, id, vec![None]).await.unwrap();
        let order = ListOrder::Updated;
        store.list(user_id, ArchiveFilter::Active, order, None, 10).await.unwrap();
        store.search(user_id, &SearchQuery::parse("tides"), 10).await.unwrap();
    }

    fn answer(message_id: MessageId, turn_id: TurnId) -> AnswerUpdate {
        AnswerUpdate {
            message_id,
            turn_id,
            content: "Gravity.".to_owned(),
            reasoning: None,
            token_count: 2,
            status: MessageStatus::Complete,
            error: None,
            ended_at: None,
            lease_until: None,
        }
    }

    #[tokio::test]
    async fn no_statement_is_parsed_twice() {
        let dir = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&dir.path().join("webchat.db")).await.unwrap();
        let parsed = [(); 3].map(|()| Arc::default());
        let [of_writer, of_readers, of_long_readers] = parsed.clone();
        store.database.write(move |writer| count_parsed(writer, &of_writer)).await.unwrap();
        store.database.read(move |reader| count_parsed(reader, &of_readers)).await.unwrap();
        let count_long =
            move |reader: &rusqlite::Transaction<'_>| count_parsed(reader, &of_long_readers);
        store.database.read_long(None, count_long).await.unwrap();

        use_all(&store).await;
        let parsed_first = parsed.each_ref().map(|parsed| parsed.swap(0, Ordering::Relaxed));

        use_all(&store).await;

        assert!(parsed_first.iter().all(|parsed| *parsed > 0), "{parsed_first:?}");
        assert_eq!(parsed.map(|parsed| parsed.load(Ordering::Relaxed)), [0; 3]);
    }
}
