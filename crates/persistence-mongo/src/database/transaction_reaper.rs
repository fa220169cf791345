//! Aborts transactions that dead instances left open. MongoDB itself aborts them only after a minute or more; until then,
//! nobody can write to their conversations.

use std::error::Error;
use std::time::Duration;

use futures_util::TryStreamExt;
use mongodb::bson::{Document, doc};
use mongodb::error::Result as MongoResult;
use mongodb::options::ReadConcern;
use tokio::task::JoinSet;
use tokio::time::sleep;
use webchat_persistence::StoreError;

use super::connection::MongoDatabase;

/// The interval between two searches for abandoned transactions.
const INTERVAL: Duration = Duration::from_secs(2);

/// The pause after the server rejected the search, for example because of a missing permission, which an operator may
/// grant later.
const REJECTED_PAUSE: Duration = Duration::from_mins(10);

/// The time after which an inactive transaction counts as abandoned. Transactions of live instances have no such pauses.
/// If one is aborted by mistake, the driver retries it.
const MIN_INACTIVE_MICROS: i64 = 5_000_000;

/// The handle of the background task that aborts abandoned transactions. Dropping it stops the task.
pub(crate) struct TransactionReaper {
    _task: JoinSet<()>,
}

impl TransactionReaper {
    pub(crate) fn start(database: MongoDatabase) -> Self {
        let mut task = JoinSet::new();
        task.spawn(run(database));
        Self { _task: task }
    }
}

async fn run(database: MongoDatabase) {
    loop {
        let pause = match database.run(abort_abandoned(&database)).await {
            Ok(0) => INTERVAL,
            Ok(aborted) => {
                tracing::warn!(aborted, "aborted transactions of a dead instance");
                INTERVAL
            }
            Err(error) => {
                tracing::debug!(
                    error = error.source(),
                    "failed to search for abandoned transactions"
                );
                match error {
                    StoreError::Unavailable(_) | StoreError::Timeout(_) => INTERVAL,
                    StoreError::Fault(_) => REJECTED_PAUSE,
                }
            }
        };
        sleep(pause).await;
    }
}

/// Aborts abandoned transactions of connections with the same application name and, if the server requires
/// authentication, the same user. Returns their number.
async fn abort_abandoned(database: &MongoDatabase) -> MongoResult<usize> {
    let admin = database.admin();
    let abandoned = [
        doc! { "$currentOp": { "idleSessions": true } },
        doc! { "$match": {
            "type": "idleSession",
            "appName": database.app_name(),
            "transaction.timeInactiveMicros": { "$gte": MIN_INACTIVE_MICROS },
        } },
        doc! { "$project": { "id": "$lsid.id" } },
    ];
    // Current operations are not replicated data, so a majority can't confirm them.
    let search = admin.aggregate(abandoned).read_concern(ReadConcern::local());
    let sessions: Vec<Document> = search.await?.try_collect().await?;
    let ids: Vec<Document> = sessions
        .into_iter()
        .filter_map(|mut session| Some(doc! { "id": session.remove("id")? }))
        .collect();
    let count = ids.len();
    if count > 0 {
        admin.run_command(doc! { "killSessions": ids }).await?;
    }
    Ok(count)
}
