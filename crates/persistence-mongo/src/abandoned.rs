//! Ending the transactions of instances that died in the middle of one. MongoDB itself keeps them for
//! a minute or more, in which nobody can write to their conversations.

use std::error::Error;
use std::time::Duration;

use futures_util::TryStreamExt;
use mongodb::bson::{Document, doc};
use mongodb::error::Result as MongoResult;
use mongodb::options::ReadConcern;
use tokio::task::JoinSet;
use tokio::time::sleep;
use webchat_persistence::StoreError;

use crate::MongoDatabase;

/// How often it is looked for them.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// How long is waited where looking is refused: that may have changed by then.
const REFUSED: Duration = Duration::from_mins(10);

/// A transaction for which nothing was done for so long is abandoned: one that is alive does one step
/// after the other. Ending one by mistake would only have it run again.
const INACTIVE_MICROS: i64 = 5_000_000;

/// The task that ends them, until this is dropped.
pub(crate) struct Ender {
    _task: JoinSet<()>,
}

impl Ender {
    pub(crate) fn start(database: MongoDatabase) -> Self {
        let mut task = JoinSet::new();
        task.spawn(run(database));
        Self { _task: task }
    }
}

async fn run(database: MongoDatabase) {
    loop {
        let pause = match database.answer(end_all(&database)).await {
            Ok(0) => LOOK_EVERY,
            Ok(ended) => {
                tracing::warn!(ended, "transactions of an instance that died were ended");
                LOOK_EVERY
            }
            Err(error) => {
                tracing::debug!(error = error.source(), "can't look for abandoned transactions");
                match error {
                    StoreError::Unavailable(_) => LOOK_EVERY,
                    StoreError::Fault(_) => REFUSED,
                }
            }
        };
        sleep(pause).await;
    }
}

/// Of those that our name and our user have, as far as these are known.
async fn end_all(database: &MongoDatabase) -> MongoResult<usize> {
    let admin = database.admin();
    let abandoned = [
        doc! { "$currentOp": { "idleSessions": true } },
        doc! { "$match": {
            "type": "idleSession",
            "appName": database.app_name(),
            "transaction.timeInactiveMicros": { "$gte": INACTIVE_MICROS },
        } },
        doc! { "$project": { "id": "$lsid.id" } },
    ];
    // What the server does now is no data that a majority could confirm.
    let looking = admin.aggregate(abandoned).read_concern(ReadConcern::local());
    let sessions: Vec<Document> = looking.await?.try_collect().await?;
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
