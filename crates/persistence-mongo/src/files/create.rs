//! Creating a job within the user's limit.

use std::collections::BTreeMap;

use futures_util::TryStreamExt;
use mongodb::bson::doc;
use mongodb::error::Result as MongoResult;
use webchat_domain::{FileJob, JobStatus, UserId};
use webchat_persistence::rules::{self, CreateJobState, StoredName};
use webchat_persistence::{CreateJobOutcome, FileAnalysis, NewFileJob, StoredFileJob};

use super::change::update;
use super::filters::{job_by_owner, running_jobs};
use super::storage::insert;
use crate::database::{READ_TIME, Transaction};
use crate::queries::{by_owner, find_conversation, update_state};

pub(super) async fn create(
    mut transaction: Transaction<'_>,
    user_id: UserId,
    new: &NewFileJob,
) -> MongoResult<CreateJobOutcome> {
    let of_conversation = by_owner(user_id, new.job.conversation_id);
    let conversation = find_conversation(&mut transaction, of_conversation).await?;
    let loaded = CreateJobState {
        has_conversation: conversation.is_some(),
        duplicate: find_duplicate(&mut transaction, user_id, &new.job).await?,
        running: count_running(&mut transaction, user_id).await?,
    };
    let failed_kept = match rules::check_create_job(new.max_unfinished, loaded) {
        Ok(failed_kept) => failed_kept,
        Err(rejected) => return Ok(*rejected),
    };
    for excess in find_failed_beyond(&mut transaction, user_id, failed_kept).await? {
        if let Some(cancelled) = rules::cancel_job(&excess) {
            update(&mut transaction, &cancelled).await?;
        }
    }
    if let Some(conversation) = conversation {
        // This also conflicts with a concurrent deletion of the conversation, which would leave the job behind.
        let state = rules::add_job(conversation.state(), &new.job);
        update_state(&mut transaction, &state).await?;
    }
    insert(transaction, stored_job(user_id, new)).await?;
    Ok(CreateJobOutcome::Created)
}

fn stored_job(user_id: UserId, new: &NewFileJob) -> StoredFileJob {
    let text = FileAnalysis {
        content: new.text.clone(),
        part_ends: new.part_ends.clone(),
        analyses: BTreeMap::new(),
    };
    StoredFileJob { user_id, job: new.job.clone(), text: Some(text) }
}

async fn find_duplicate(
    transaction: &mut Transaction<'_>,
    user_id: UserId,
    job: &FileJob,
) -> MongoResult<Option<FileJob>> {
    let duplicate = job_by_owner(user_id, job.conversation_id, job.job_id);
    let jobs = transaction.database.file_jobs();
    let found =
        jobs.find_one(duplicate).max_time(READ_TIME).session(&mut *transaction.session).await?;
    Ok(found.map(FileJob::from))
}

async fn count_running(transaction: &mut Transaction<'_>, user_id: UserId) -> MongoResult<u64> {
    let jobs = transaction.database.file_jobs();
    jobs.count_documents(running_jobs(user_id))
        .max_time(READ_TIME)
        .session(&mut *transaction.session)
        .await
}

/// Finds the user's failed jobs except the newest `kept`.
async fn find_failed_beyond(
    transaction: &mut Transaction<'_>,
    user_id: UserId,
    kept: u64,
) -> MongoResult<Vec<FileJob>> {
    let status = JobStatus::Failed.stored_name();
    let failed = doc! { "user_id": user_id.to_string(), "status": status };
    let jobs = transaction.database.file_jobs();
    let find = jobs
        .find(failed)
        .max_time(READ_TIME)
        .sort(doc! { "created_at": -1, "job_id": -1 })
        .skip(kept);
    let mut cursor = find.session(&mut *transaction.session).await?;
    cursor.stream(transaction.session).map_ok(FileJob::from).try_collect().await
}
