//! Finds, in the background, the search terms of messages that an older version of Webchat has written.

use std::error::Error;
use std::time::Duration;

use futures_util::TryStreamExt;
use mongodb::bson::oid::ObjectId;
use mongodb::bson::{DateTime, Document, doc};
use mongodb::error::Result as MongoResult;
use serde::Deserialize;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::database::{MongoDatabase, READ_TIME};
use crate::documents::search_terms;
use crate::schema::META;

/// The `_id` of the document in `meta` that records the progress.
const RECORD_ID: &str = "search_terms";

/// The index of former versions, which search with `$text`.
const TEXT_INDEX: &str = "conversation_text_index";

/// The maximum duration of a rolling upgrade, during which old instances write messages without search terms, and need
/// their index.
const UPGRADE_TIME: Duration = Duration::from_hours(24);

/// The pause between two passes during an upgrade.
const PASS_INTERVAL: Duration = Duration::from_mins(10);

/// A pass begins this long before the end of the last one, because the clocks of instances differ.
const OVERLAP: Duration = Duration::from_hours(1);

/// The pause before a failed pass is repeated.
const RETRY_PAUSE: Duration = Duration::from_secs(10);

/// The number of messages that one command reads.
const CHUNK: i64 = 500;

/// The background task that finds search terms. Dropping it stops the task, which is safe at any point.
pub(crate) struct Indexer {
    _task: JoinSet<()>,
}

/// The progress of all instances.
#[derive(Deserialize)]
struct Record {
    /// When the first instance of this version started.
    upgraded_at: DateTime,
    /// All messages that were written before have search terms.
    complete_until: Option<DateTime>,
}

#[derive(Deserialize)]
struct Candidate {
    #[serde(rename = "_id")]
    id: ObjectId,
    /// The content of a message without search terms.
    content: Option<String>,
}

impl Indexer {
    /// Starts the task. It ends when all messages have search terms and the upgrade is over. Several instances may run it
    /// at the same time.
    pub(crate) fn start(database: MongoDatabase) -> Self {
        let mut task = JoinSet::new();
        task.spawn(run(database));
        Self { _task: task }
    }
}

async fn run(database: MongoDatabase) {
    loop {
        match pass(&database).await {
            Ok(true) => return,
            Ok(false) => sleep(PASS_INTERVAL).await,
            Err(error) => {
                tracing::warn!(error = error.source(), "failed to index messages; retrying");
                sleep(RETRY_PAUSE).await;
            }
        }
    }
}

/// Indexes the messages without search terms. Returns whether the upgrade is over.
async fn pass(database: &MongoDatabase) -> MongoResult<bool> {
    let started = DateTime::now();
    let records = database.raw().collection::<Record>(META);
    let this = doc! { "_id": RECORD_ID };
    let first = doc! { "$setOnInsert": { "upgraded_at": started } };
    records.update_one(this.clone(), first).upsert(true).await?;
    let record = records.find_one(this.clone()).max_time(READ_TIME).await?;
    let complete_until = record.as_ref().and_then(|record| record.complete_until);
    let indexed = index_since(database, complete_until).await?;
    if indexed > 0 {
        tracing::info!(messages = indexed, "indexed all existing messages");
    }
    records.update_one(this, doc! { "$max": { "complete_until": started } }).await?;
    let is_over = record.is_some_and(|record| {
        started.saturating_duration_since(record.upgraded_at) >= UPGRADE_TIME
    });
    if is_over {
        drop_text_index(database).await?;
    }
    Ok(is_over)
}

/// Indexes messages, newest first. Returns their number.
async fn index_since(database: &MongoDatabase, since: Option<DateTime>) -> MongoResult<u64> {
    let mut range = doc! { "$gte": first_id(since) };
    let mut indexed = 0;
    loop {
        let chunk = read_chunk(database, &range).await?;
        let Some(last) = chunk.last() else { return Ok(indexed) };
        range.insert("$lt", last.id);
        for Candidate { id, content } in chunk {
            let Some(content) = content else { continue };
            if indexed == 0 {
                tracing::info!(
                    "indexing existing messages; a search finds each as soon as it is indexed"
                );
            }
            index(database, id, &content).await?;
            indexed += 1;
        }
    }
}

/// Reads the newest messages of this range of ids. Those that have search terms come without content.
async fn read_chunk(database: &MongoDatabase, range: &Document) -> MongoResult<Vec<Candidate>> {
    let has_terms = doc! { "$ne": [{ "$type": "$search_terms" }, "missing"] };
    let pipeline = [
        doc! { "$match": { "_id": range } },
        doc! { "$sort": { "_id": -1 } },
        doc! { "$limit": CHUNK },
        doc! { "$project": { "content": { "$cond": [has_terms, null, "$content"] } } },
    ];
    let messages = database.messages();
    let chunk = messages.aggregate(pipeline).max_time(READ_TIME).with_type::<Candidate>();
    chunk.await?.try_collect().await
}

async fn index(database: &MongoDatabase, id: ObjectId, content: &str) -> MongoResult<()> {
    // An old instance may have changed the message in the meantime.
    let unchanged = doc! { "_id": id, "content": content, "search_terms": { "$exists": false } };
    let terms = doc! { "$set": { "search_terms": search_terms(content) } };
    database.messages().update_one(unchanged, terms).await.map(drop)
}

async fn drop_text_index(database: &MongoDatabase) -> MongoResult<()> {
    let messages = database.messages();
    if messages.list_index_names().await?.iter().any(|name| name == TEXT_INDEX) {
        messages.drop_index(TEXT_INDEX).await?;
        tracing::info!("dropped the index {TEXT_INDEX}, which is no longer used");
    }
    Ok(())
}

/// Returns the lowest id of messages that may have been written without search terms.
fn first_id(complete_until: Option<DateTime>) -> ObjectId {
    let seconds = complete_until.map_or(0, |until| until.timestamp_millis() / 1_000);
    let overlap = i64::try_from(OVERLAP.as_secs()).unwrap_or(i64::MAX);
    let since = u32::try_from(seconds.saturating_sub(overlap)).unwrap_or(0);
    let mut bytes = [0; 12];
    if let Some(time) = bytes.first_chunk_mut() {
        *time = since.to_be_bytes();
    }
    ObjectId::from_bytes(bytes)
}
