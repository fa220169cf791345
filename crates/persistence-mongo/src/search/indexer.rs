//! Indexes, in the background, messages that were written by an older version of Webchat.

use std::error::Error;
use std::time::Duration;

use futures_util::TryStreamExt;
use mongodb::bson::oid::ObjectId;
use mongodb::bson::{DateTime, Document, doc};
use serde::Deserialize;
use tokio::task::JoinSet;
use tokio::time::sleep;
use uuid::Uuid;
use webchat_domain::Role;
use webchat_persistence::StoreError;
use webchat_persistence::rules::StoredName;

use crate::database::{MongoDatabase, READ_TIME};
use crate::documents::search_terms;
use crate::schema::META;

/// The `_id` of the document in `meta` that records the progress.
const RECORD_ID: &str = "search_terms";

/// The text index that older versions of Webchat search with `$text`.
const TEXT_INDEX: &str = "conversation_text_index";

/// The maximum duration of a rolling upgrade, during which old instances write messages without search terms, and need
/// their index.
const MAX_UPGRADE_DURATION: Duration = Duration::from_hours(24);

/// The pause between two passes during an upgrade.
const PASS_INTERVAL: Duration = Duration::from_mins(10);

/// A pass covers this much of the time before the last one, because the clocks of instances differ, and an answer may
/// be written long after its turn began.
const OVERLAP: Duration = Duration::from_hours(1);

/// The pause before a failed pass is repeated.
const RETRY_PAUSE: Duration = Duration::from_secs(10);

/// The number of messages that one command reads.
const BATCH_SIZE: i64 = 500;

/// The background task that indexes messages. Dropping it stops the task, which is safe at any point.
pub(crate) struct Indexer {
    _task: JoinSet<()>,
}

/// The progress of all instances.
#[derive(Deserialize)]
struct Record {
    /// When the first instance of this version started.
    upgraded_at: DateTime,
    /// All messages written before this time have search terms.
    complete_until: Option<DateTime>,
}

#[derive(Deserialize)]
struct Candidate {
    #[serde(rename = "_id")]
    id: ObjectId,
    /// The content of a message to index.
    content: Option<String>,
}

impl Indexer {
    /// Starts the task. It ends when all messages have search terms and the upgrade is over. Several instances may run
    /// it at the same time.
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

/// Indexes the messages that old instances have written since the last pass. Returns whether the upgrade is over.
async fn pass(database: &MongoDatabase) -> Result<bool, StoreError> {
    let started = DateTime::now();
    let records = database.raw().collection::<Record>(META);
    let this = doc! { "_id": RECORD_ID };
    let first = doc! { "$setOnInsert": { "upgraded_at": started } };
    database.run(records.update_one(this.clone(), first).upsert(true)).await?;
    let record = database.run(records.find_one(this.clone()).max_time(READ_TIME)).await?;
    let complete_until = record.as_ref().and_then(|record| record.complete_until);
    let indexed = index_since(database, complete_until).await?;
    if indexed > 0 {
        tracing::info!(messages = indexed, "indexed all existing messages");
    }
    let is_over = |at: DateTime| {
        record.as_ref().is_some_and(|record| {
            at.saturating_duration_since(record.upgraded_at) >= MAX_UPGRADE_DURATION
        })
    };
    if let Some(since) = complete_until.filter(|until| !is_over(*until)) {
        reindex_answers(database, since, started).await?;
    }
    let progress = doc! { "$max": { "complete_until": started } };
    database.run(records.update_one(this, progress)).await?;
    if is_over(started) {
        drop_text_index(database).await?;
    }
    Ok(is_over(started))
}

/// Indexes the messages without search terms, newest first. Returns their number.
async fn index_since(database: &MongoDatabase, since: Option<DateTime>) -> Result<u64, StoreError> {
    let mut range = doc! { "$gte": first_id(since) };
    let mut indexed = 0;
    loop {
        let batch = read_batch(database, &range).await?;
        let Some(last) = batch.last() else { return Ok(indexed) };
        range.insert("$lt", last.id);
        for Candidate { id, content } in batch {
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
async fn read_batch(
    database: &MongoDatabase,
    range: &Document,
) -> Result<Vec<Candidate>, StoreError> {
    let has_terms = doc! { "$ne": [{ "$type": "$search_terms" }, "missing"] };
    let pipeline = [
        doc! { "$match": { "_id": range } },
        doc! { "$sort": { "_id": -1 } },
        doc! { "$limit": BATCH_SIZE },
        doc! { "$project": { "content": { "$cond": [has_terms, null, "$content"] } } },
    ];
    let messages = database.messages();
    let batch = messages.aggregate(pipeline).max_time(READ_TIME).with_type::<Candidate>();
    database.run(async { batch.await?.try_collect().await }).await
}

/// Indexes all answers of the turns that began in this time again. An old instance that streams or continues an answer
/// replaces its text, but not the search terms that it may have from the last pass or from an instance of this version.
async fn reindex_answers(
    database: &MongoDatabase,
    since: DateTime,
    until: DateTime,
) -> Result<(), StoreError> {
    let turns = doc! { "$gte": turn_id_at(earlier(since)), "$lt": turn_id_at(later(until)) };
    let filter = doc! { "turn_id": turns, "role": Role::Assistant.stored_name() };
    let messages = database.messages().clone_with_type::<Candidate>();
    let answers = messages.find(filter).projection(doc! { "content": 1 });
    let mut answers = database.run(answers).await?;
    while let Some(Candidate { id, content }) = database.run(answers.try_next()).await? {
        index(database, id, &content.unwrap_or_default()).await?;
    }
    Ok(())
}

async fn index(database: &MongoDatabase, id: ObjectId, content: &str) -> Result<(), StoreError> {
    // An old instance may have changed the message in the meantime.
    let unchanged = doc! { "_id": id, "content": content };
    let terms = doc! { "$set": { "search_terms": search_terms(content) } };
    database.run(database.messages().update_one(unchanged, terms)).await.map(drop)
}

async fn drop_text_index(database: &MongoDatabase) -> Result<(), StoreError> {
    let messages = database.messages();
    let names = database.run(messages.list_index_names()).await?;
    if names.iter().any(|name| name == TEXT_INDEX) {
        database.run(messages.drop_index(TEXT_INDEX)).await?;
        tracing::info!("dropped the index {TEXT_INDEX}, which is no longer used");
    }
    Ok(())
}

/// Returns the lowest id of messages that may have been written without search terms.
fn first_id(complete_until: Option<DateTime>) -> ObjectId {
    let seconds = complete_until.map_or(0, |until| earlier(until) / 1_000);
    let mut bytes = [0; 12];
    if let Some(time) = bytes.first_chunk_mut() {
        *time = u32::try_from(seconds).unwrap_or(0).to_be_bytes();
    }
    ObjectId::from_bytes(bytes)
}

/// Returns the lowest id of a turn that began at this time, in milliseconds: ids of turns are version 7 UUIDs, which
/// begin with the time.
fn turn_id_at(millis: i64) -> String {
    Uuid::from_u128(u128::try_from(millis).unwrap_or(0) << 80).to_string()
}

/// Returns a time that is earlier by the overlap, in milliseconds.
fn earlier(time: DateTime) -> i64 {
    time.timestamp_millis().saturating_sub(overlap_millis())
}

/// Returns a time that is later by the overlap, in milliseconds.
fn later(time: DateTime) -> i64 {
    time.timestamp_millis().saturating_add(overlap_millis())
}

fn overlap_millis() -> i64 {
    i64::try_from(OVERLAP.as_millis()).unwrap_or(i64::MAX)
}
