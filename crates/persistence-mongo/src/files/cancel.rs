//! Cancelling and deleting jobs.

use mongodb::bson::{Document, doc};
use mongodb::error::Result as MongoResult;
use webchat_domain::{ConversationId, JobStatus};
use webchat_persistence::rules;

use super::filters::{ended, status_name};
use super::storage::delete_texts;
use crate::database::Transaction;

/// Cancels the job if it is running or has failed.
pub(super) async fn cancel(transaction: &mut Transaction<'_>, job: &Document) -> MongoResult<()> {
    let mut cancellable = job.clone();
    let statuses = rules::CANCELLABLE.map(status_name).to_vec();
    cancellable.insert("status", doc! { "$in": statuses });
    let jobs = transaction.database.file_jobs();
    let cancelled = jobs
        .find_one_and_update(cancellable, doc! { "$set": ended(JobStatus::Cancelled) })
        .session(&mut *transaction.session)
        .await?;
    match cancelled {
        Some(job) => delete_texts(transaction, doc! { "job_id": job.job_id.to_string() }).await,
        None => Ok(()),
    }
}

/// Deletes the jobs of a conversation that is being deleted or reset.
pub(crate) async fn delete_jobs(
    transaction: &mut Transaction<'_>,
    id: ConversationId,
) -> MongoResult<()> {
    let of_conversation = doc! { "conversation_id": id.to_string() };
    let jobs = transaction.database.file_jobs();
    let deleted = jobs.delete_many(of_conversation.clone()).session(&mut *transaction.session);
    if deleted.await?.deleted_count > 0 {
        delete_texts(transaction, of_conversation).await?;
    }
    Ok(())
}
