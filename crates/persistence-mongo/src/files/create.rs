//! Creating a job within the user's limit.

use std::collections::BTreeMap;

use futures_util::TryStreamExt;
use mongodb::bson::doc;
use mongodb::error::Result as MongoResult;
use webchat_domain::UserId;
use webchat_persistence::{CreateJobOutcome, FileText, NewFileJob, StoredFileJob, rules};

use super::cancel::cancel;
use super::filters::{job_by_owner, running_jobs};
use super::storage::insert;
use crate::database::Transaction;
use crate::documents::{JobDocument, date};
use crate::queries::by_owner;

pub(super) async fn create(
    mut transaction: Transaction<'_>,
    user_id: UserId,
    new: &NewFileJob,
) -> MongoResult<CreateJobOutcome> {
    let job = &new.job;
    // Write to the conversation, so that a concurrent deletion of it conflicts and leaves no job.
    let touched = doc! { "$set": { "updated_at": date(job.created_at) } };
    let conversations = transaction.database.conversations();
    let found = conversations
        .update_one(by_owner(user_id, job.conversation_id), touched)
        .session(&mut *transaction.session)
        .await?;
    if found.matched_count == 0 {
        return Ok(CreateJobOutcome::NotFound);
    }
    let duplicate = job_by_owner(user_id, job.conversation_id, job.job_id);
    let jobs = transaction.database.file_jobs();
    if let Some(job) = jobs.find_one(duplicate).session(&mut *transaction.session).await? {
        return Ok(CreateJobOutcome::Duplicate(job.into()));
    }
    if !enforce_job_limit(&mut transaction, user_id, new.max_kept).await? {
        // The transaction still commits the new `updated_at`: the user has used the conversation.
        return Ok(CreateJobOutcome::TooMany);
    }
    let text = FileText {
        content: new.text.clone(),
        part_ends: new.part_ends.clone(),
        analyses: BTreeMap::new(),
    };
    let stored = StoredFileJob { user_id, job: job.clone(), text: Some(text) };
    insert(transaction, stored).await?;
    Ok(CreateJobOutcome::Created)
}

/// Cancels the oldest failed jobs if the user has too many jobs. Returns `false` if the running
/// jobs alone reach the limit.
async fn enforce_job_limit(
    transaction: &mut Transaction<'_>,
    user_id: UserId,
    max_jobs: u32,
) -> MongoResult<bool> {
    let jobs = transaction.database.file_jobs();
    let running =
        jobs.count_documents(running_jobs(user_id)).session(&mut *transaction.session).await?;
    let Some(kept) = rules::failed_jobs_to_keep(running, max_jobs) else { return Ok(false) };
    let mut failed = jobs
        .find(doc! { "user_id": user_id.to_string(), "status": "failed" })
        .sort(doc! { "created_at": -1, "job_id": -1 })
        .skip(kept)
        .session(&mut *transaction.session)
        .await?;
    let excess: Vec<JobDocument> = failed.stream(transaction.session).try_collect().await?;
    for job in excess {
        cancel(transaction, &doc! { "job_id": job.job_id.to_string() }).await?;
    }
    Ok(true)
}
