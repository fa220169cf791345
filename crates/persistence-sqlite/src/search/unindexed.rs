//! Indexes, in the background, the messages of a file that an older version of Webchat has written.

use std::error::Error;
use std::sync::Weak;
use std::time::Duration;

use rusqlite::{OptionalExtension, Transaction};
use tokio::task::JoinSet;
use tokio::time::sleep;
use webchat_persistence::StoreError;
use webchat_persistence::search::IndexTerms;

use super::index::index_of;
use crate::database::{BatchSize, Database};

/// The pause before a failed batch is retried.
const RETRY_PAUSE: Duration = Duration::from_secs(10);

/// The background task that indexes messages. Dropping it stops the task, which is safe at any point.
pub(crate) struct Indexer {
    _task: JoinSet<()>,
}

impl Indexer {
    /// Starts the task. It ends when all messages are indexed.
    pub(crate) fn start(database: Weak<Database>) -> Self {
        let mut task = JoinSet::new();
        task.spawn(run(database));
        Self { _task: task }
    }
}

/// Whether there are messages that are not indexed.
pub(crate) fn exist(transaction: &Transaction<'_>) -> rusqlite::Result<bool> {
    next_id(transaction).map(|next| next.is_some())
}

async fn run(database: Weak<Database>) {
    tracing::info!("indexing existing messages; a search finds each as soon as it is indexed");
    loop {
        match index_next(&database).await {
            Ok(true) => {}
            Ok(false) => return tracing::info!("indexed all existing messages"),
            Err(error) => {
                tracing::warn!(error = error.source(), "failed to index messages; retrying");
                sleep(RETRY_PAUSE).await;
            }
        }
    }
}

/// Indexes a batch of messages. Returns `false` if all messages are indexed.
async fn index_next(database: &Weak<Database>) -> Result<bool, StoreError> {
    let Some(database) = database.upgrade() else { return Ok(false) };
    database.write_bulk(index_batch).await
}

fn next_id(transaction: &Transaction<'_>) -> rusqlite::Result<Option<i64>> {
    transaction
        .prepare_cached("SELECT next_id FROM unindexed")?
        .query_row([], |row| row.get(0))
        .optional()
}

fn index_batch(transaction: &Transaction<'_>) -> rusqlite::Result<bool> {
    let Some(next) = next_id(transaction)? else { return Ok(false) };
    let mut messages = transaction.prepare_cached(
        "SELECT id, user_id, content FROM messages WHERE id <= ?1 ORDER BY id DESC",
    )?;
    let mut rows = messages.query([next])?;
    let mut batch = BatchSize::default();
    let mut last = None;
    while let Some(row) = rows.next()? {
        let content = row.get_ref(2)?.as_str()?;
        if !batch.add(content.len()) {
            break;
        }
        let id = row.get(0)?;
        let terms = IndexTerms::of(content);
        index_of(transaction, id, row.get_ref(1)?.as_str()?, &terms)?;
        last = Some(id);
    }
    let Some(last) = last else {
        return transaction.execute("DELETE FROM unindexed", []).map(|_| false);
    };
    transaction.execute("UPDATE unindexed SET next_id = ?1", [last - 1]).map(|_| true)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rusqlite::Connection;
    use rusqlite_migration::Migrations;
    use tokio::time::{sleep, timeout};
    use webchat_domain::{ConversationId, SearchQuery, UserId};
    use webchat_persistence::Conversations;

    use crate::SqliteStore;
    use crate::database::MIGRATIONS;

    /// More messages than a batch has.
    const MESSAGES: u32 = 250;

    #[tokio::test]
    async fn messages_of_an_older_version_are_indexed_in_the_background() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("webchat.db");
        let (user_id, id) = (UserId::generate(), ConversationId::generate());
        let mut old = Connection::open(&path).unwrap();
        Migrations::from_slice(&MIGRATIONS[..10]).to_latest(&mut old).unwrap();
        let conversation =
            "INSERT INTO conversations (conversation_id, user_id, created_at, updated_at)
                            VALUES (?1, ?2, 0, 0)";
        old.execute(conversation, [id.to_simple(), user_id.to_simple()]).unwrap();
        for position in 1..=MESSAGES {
            let message = "INSERT INTO messages (message_id, conversation_id, user_id, position, role,
                               content, token_count, status, created_at)
                           VALUES (lower(hex(randomblob(16))), ?1, ?2, ?3, 'user', 'the tides', 1, 'complete', 0)";
            let values = (id.to_simple(), user_id.to_simple(), position);
            old.execute(message, values).unwrap();
        }
        drop(old);

        let store = SqliteStore::open(&path).await.unwrap();

        let all_found = async {
            let query = SearchQuery::parse("tide");
            while store.search(user_id, &query, 1_000).await.unwrap().len() < 250 {
                sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(Duration::from_secs(30), all_found).await.unwrap();
    }
}
