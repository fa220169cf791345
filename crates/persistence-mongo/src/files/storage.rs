//! Reads and writes jobs with their texts and analyses.

use std::collections::BTreeMap;

use futures_util::TryStreamExt;
use mongodb::bson::{Document, doc};
use mongodb::error::Result as MongoResult;
use webchat_domain::JobId;
use webchat_persistence::{FileAnalysis, StoredFileJob};

use crate::database::{READ_TIME, Transaction};
use crate::documents::{AnalysisDocument, JobDocument, TextDocument};

/// Inserts a job with its text and analyses, without a lease.
pub(super) async fn insert(transaction: Transaction<'_>, stored: StoredFileJob) -> MongoResult<()> {
    let Transaction { database, session } = transaction;
    let StoredFileJob { user_id, job, text } = stored;
    let (job_id, conversation_id) = (job.job_id, job.conversation_id);
    let document = JobDocument::new(user_id, job);
    database.file_jobs().insert_one(document).session(&mut *session).await?;
    let Some(FileAnalysis { content, part_ends, analyses }) = text else { return Ok(()) };
    let text = TextDocument { job_id, conversation_id, content, part_ends };
    database.file_texts().insert_one(text).session(&mut *session).await?;
    let analyses: Vec<_> = analyses
        .into_iter()
        .map(|(part, content)| AnalysisDocument { job_id, conversation_id, part, content })
        .collect();
    if !analyses.is_empty() {
        database.file_analyses().insert_many(analyses).session(session).await?;
    }
    Ok(())
}

/// Stores the job unchanged. Replaces a job with the same id.
pub(crate) async fn put(
    mut transaction: Transaction<'_>,
    stored: &StoredFileJob,
) -> MongoResult<()> {
    let of_job = doc! { "job_id": stored.job.job_id.to_string() };
    let jobs = transaction.database.file_jobs();
    jobs.delete_many(of_job.clone()).session(&mut *transaction.session).await?;
    delete_texts(&mut transaction, of_job).await?;
    insert(transaction, stored.clone()).await
}

/// Reads the job with its text and analyses.
pub(crate) async fn read(
    transaction: Transaction<'_>,
    job: &JobDocument,
) -> MongoResult<StoredFileJob> {
    let text = read_text(transaction, job.job_id).await?;
    Ok(StoredFileJob { user_id: job.user_id, job: job.clone().into(), text })
}

/// Reads the job's text and analyses. Returns `None` if they were deleted.
pub(super) async fn read_text(
    transaction: Transaction<'_>,
    job_id: JobId,
) -> MongoResult<Option<FileAnalysis>> {
    let Transaction { database, session } = transaction;
    let of_job = doc! { "job_id": job_id.to_string() };
    let text = database
        .file_texts()
        .find_one(of_job.clone())
        .max_time(READ_TIME)
        .session(&mut *session)
        .await?;
    let Some(TextDocument { content, part_ends, .. }) = text else { return Ok(None) };
    let mut cursor =
        database.file_analyses().find(of_job).max_time(READ_TIME).session(&mut *session).await?;
    let analyses: BTreeMap<u32, String> =
        cursor.stream(session).map_ok(|found| (found.part, found.content)).try_collect().await?;
    Ok(Some(FileAnalysis { content, part_ends, analyses }))
}

pub(super) async fn has_text(
    transaction: &mut Transaction<'_>,
    job_id: JobId,
) -> MongoResult<bool> {
    let of_job = doc! { "job_id": job_id.to_string() };
    let texts = transaction.database.file_texts();
    let count = texts.count_documents(of_job).max_time(READ_TIME);
    Ok(count.session(&mut *transaction.session).await? > 0)
}

/// Deletes the texts and the analyses of the jobs that the filter matches.
pub(super) async fn delete_texts(
    transaction: &mut Transaction<'_>,
    filter: Document,
) -> MongoResult<()> {
    let texts = transaction.database.file_texts();
    texts.delete_many(filter.clone()).session(&mut *transaction.session).await?;
    delete_analyses(transaction, filter).await
}

/// Deletes the analyses of the jobs that the filter matches.
pub(super) async fn delete_analyses(
    transaction: &mut Transaction<'_>,
    filter: Document,
) -> MongoResult<()> {
    let analyses = transaction.database.file_analyses();
    analyses.delete_many(filter).session(&mut *transaction.session).await?;
    Ok(())
}
