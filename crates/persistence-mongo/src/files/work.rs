//! The steps of a worker: claiming a job, recording its parts, completing it.

use mongodb::bson::doc;
use mongodb::error::{Error, Result as MongoResult};
use mongodb::options::ReturnDocument;
use webchat_domain::{FileJob, JobId, JobStatus, RunId, Timestamp};
use webchat_persistence::{Append, AppendOutcome, CompletedJob, TakenJob};

use super::filters::{claimable, ended, leased_by};
use super::storage::{delete_texts, read_text};
use crate::conversations::append_messages;
use crate::database::Transaction;
use crate::documents::{AnalysisDocument, date};

/// Leases the oldest claimable job to this run.
pub(super) async fn take(
    transaction: Transaction<'_>,
    run_id: RunId,
    now: Timestamp,
    until: Timestamp,
) -> MongoResult<Option<TakenJob>> {
    let Transaction { database, session } = transaction;
    let lease = doc! { "$set": { "run_id": run_id.to_string(), "lease_until": date(until) } };
    let job = database
        .file_jobs()
        .find_one_and_update(claimable(now), lease)
        .sort(doc! { "created_at": 1 })
        .session(&mut *session)
        .await?;
    let Some(job) = job else { return Ok(None) };
    let text = read_text(Transaction { database, session }, job.job_id).await?;
    let text = text.ok_or_else(|| Error::custom("a running file job has no text"))?;
    Ok(Some(TakenJob { user_id: job.user_id, job: job.into(), text }))
}

/// Records the analysis of a part, unless it was recorded before.
pub(super) async fn record_part(
    transaction: Transaction<'_>,
    job_id: JobId,
    run_id: RunId,
    part: u32,
    text: &str,
) -> MongoResult<Option<FileJob>> {
    let Transaction { database, session } = transaction;
    let jobs = database.file_jobs();
    let Some(job) = jobs.find_one(leased_by(job_id, run_id)).session(&mut *session).await? else {
        return Ok(None);
    };
    let analyses = database.file_analyses();
    let this_part = doc! { "job_id": job_id.to_string(), "part": i64::from(part) };
    let existing = analyses.find_one(this_part).session(&mut *session).await?;
    if existing.is_some() {
        return Ok(Some(job.into()));
    }
    let recorded = AnalysisDocument {
        job_id,
        conversation_id: job.conversation_id,
        part,
        content: text.to_owned(),
    };
    analyses.insert_one(recorded).session(&mut *session).await?;
    let counted = jobs
        .find_one_and_update(leased_by(job_id, run_id), doc! { "$inc": { "done": 1_i64 } })
        .return_document(ReturnDocument::After)
        .session(session)
        .await?;
    Ok(counted.map(FileJob::from))
}

/// Appends the messages and completes the job.
pub(super) async fn complete(
    mut transaction: Transaction<'_>,
    job_id: JobId,
    run_id: RunId,
    append: &Append,
    now: Timestamp,
) -> MongoResult<Option<CompletedJob>> {
    let mut complete = ended(JobStatus::Complete);
    complete.insert("message_id", append.messages.last().map(|last| last.message_id.to_string()));
    let jobs = transaction.database.file_jobs();
    let job = jobs
        .find_one_and_update(leased_by(job_id, run_id), doc! { "$set": complete })
        .return_document(ReturnDocument::After)
        .session(&mut *transaction.session)
        .await?;
    let Some(job) = job else { return Ok(None) };
    delete_texts(&mut transaction, doc! { "job_id": job_id.to_string() }).await?;
    let (user_id, id) = (job.user_id, job.conversation_id);
    let appended = append_messages(transaction, user_id, id, append, now).await?;
    let AppendOutcome::Stored { conversation, messages } = appended else {
        return Err(Error::custom("failed to append the messages of a file job"));
    };
    Ok(Some(CompletedJob { job: job.into(), conversation, messages }))
}
