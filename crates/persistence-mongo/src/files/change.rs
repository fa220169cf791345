//! Changing and deleting jobs.

use mongodb::bson::{DateTime, doc, serialize_to_bson};
use mongodb::error::Result as MongoResult;
use webchat_domain::{ConversationId, FileInstructions, FileJob};
use webchat_persistence::rules::{self, StoredName};

use super::storage::{delete_analyses, delete_texts};
use crate::database::Transaction;

/// Writes the fields of a job that can change. Removes its lease, its text and its analyses, depending on its
/// state.
pub(super) async fn update(transaction: &mut Transaction<'_>, job: &FileJob) -> MongoResult<()> {
    let mut set = doc! {
        "status": job.status.stored_name(),
        "done": i64::from(job.parts_done),
        "error": serialize_to_bson(&job.error)?,
        "message_id": job.message_id.map(|message_id| message_id.to_string()),
        "question_id": job.question_id.map(|question_id| question_id.to_string()),
        "instructions": job.instructions.as_ref().map(FileInstructions::as_str),
    };
    if !rules::can_be_leased(job.status) {
        set.insert("run_id", Option::<String>::None);
        set.insert("lease_until", Option::<DateTime>::None);
    }
    let this_job = doc! { "job_id": job.job_id.to_string() };
    let jobs = transaction.database.file_jobs();
    jobs.update_one(this_job.clone(), doc! { "$set": set })
        .session(&mut *transaction.session)
        .await?;
    if !rules::keeps_text(job.status) {
        delete_texts(transaction, this_job).await?;
    } else if !rules::keeps_analyses(job) {
        delete_analyses(transaction, this_job).await?;
    }
    Ok(())
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
