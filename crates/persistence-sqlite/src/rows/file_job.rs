//! Rows of `file_jobs`, `file_texts` and `file_analyses`.

use std::collections::BTreeMap;

use rusqlite::{OptionalExtension, Row, Transaction, params};
use webchat_domain::{ConversationId, FileJob, FileName, JobId, MessageId, UserId};
use webchat_persistence::rules::{self, StoredName};
use webchat_persistence::{AnalysedText, StoredFileJob};

use super::column::{enum_value, invalid, parsed, parsed_option, problem, timestamp};

/// The columns that [`job`] reads.
pub(crate) const JOB: &str = "job_id, conversation_id, file_name, size_bytes, token_count, status, done, parts, \
     error_message, error_code, created_at, message_id";

/// Returns at most `limit` complete jobs of a conversation that come after `after`, ordered by id.
pub(crate) fn stored_jobs(
    transaction: &Transaction<'_>,
    id: ConversationId,
    after: Option<JobId>,
    limit: u32,
) -> rusqlite::Result<Vec<StoredFileJob>> {
    let after = after.map(JobId::to_simple).unwrap_or_default();
    transaction
        .prepare_cached(&format!(
            "SELECT user_id, {JOB} FROM file_jobs
             WHERE conversation_id = ?1 AND job_id > ?2 ORDER BY job_id LIMIT ?3"
        ))?
        .query_map(params![id.to_simple(), after, limit], |row| {
            let job = job(row)?;
            let text = find_text(transaction, job.job_id)?;
            Ok(StoredFileJob { user_id: parsed(row, "user_id")?, job, text })
        })?
        .collect()
}

/// Stores the job unchanged. Replaces a job with the same id.
pub(crate) fn put_job(
    transaction: &Transaction<'_>,
    stored: &StoredFileJob,
) -> rusqlite::Result<()> {
    let job_id = stored.job.job_id;
    transaction.execute("DELETE FROM file_jobs WHERE job_id = ?1", [job_id.to_simple()])?;
    insert_job(transaction, stored.user_id, &stored.job)?;
    let Some(AnalysedText { content, part_ends, analyses }) = &stored.text else { return Ok(()) };
    insert_text(transaction, job_id, content, part_ends)?;
    for (part, analysis) in analyses {
        insert_analysis(transaction, job_id, *part, analysis)?;
    }
    Ok(())
}

/// Inserts a job without a lease.
pub(crate) fn insert_job(
    transaction: &Transaction<'_>,
    user_id: UserId,
    job: &FileJob,
) -> rusqlite::Result<()> {
    let error = job.error.as_ref();
    transaction.execute(
        "INSERT INTO file_jobs (job_id, conversation_id, user_id, file_name, size_bytes,
             token_count, status, done, parts, created_at, message_id, error_message, error_code)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
        params![
            job.job_id.to_simple(),
            job.conversation_id.to_simple(),
            user_id.to_simple(),
            job.file_name.as_str(),
            job.size_bytes,
            job.token_count,
            job.status.stored_name(),
            job.parts_done,
            job.part_count,
            job.created_at.unix_millis(),
            job.message_id.map(MessageId::to_simple),
            error.map(|error| &error.message),
            error.map(|error| &error.code),
        ],
    )?;
    Ok(())
}

/// Writes the fields of a job that can change. Removes its lease and its text, depending on its status.
pub(crate) fn update_job(transaction: &Transaction<'_>, job: &FileJob) -> rusqlite::Result<()> {
    let (job_id, error) = (job.job_id.to_simple(), job.error.as_ref());
    transaction.execute(
        "UPDATE file_jobs SET status = ?2, done = ?3, message_id = ?4, error_message = ?5,
             error_code = ?6, run_id = iif(?7, run_id, NULL), lease_until = iif(?7, lease_until, NULL)
         WHERE job_id = ?1",
        params![
            job_id,
            job.status.stored_name(),
            job.parts_done,
            job.message_id.map(MessageId::to_simple),
            error.map(|error| &error.message),
            error.map(|error| &error.code),
            rules::can_be_leased(job.status),
        ],
    )?;
    if !rules::keeps_text(job.status) {
        transaction.execute("DELETE FROM file_texts WHERE job_id = ?1", [job_id])?;
    }
    Ok(())
}

pub(crate) fn insert_text(
    transaction: &Transaction<'_>,
    job_id: JobId,
    content: &str,
    part_ends: &[u64],
) -> rusqlite::Result<()> {
    let part_ends = serde_json::to_string(part_ends).map_err(invalid)?;
    transaction.execute(
        "INSERT INTO file_texts (job_id, content, part_ends) VALUES (?1, ?2, ?3)",
        params![job_id.to_simple(), content, part_ends],
    )?;
    Ok(())
}

/// Inserts an analysis. Returns the number of inserted rows, which is 0 if the part has an analysis already.
pub(crate) fn insert_analysis(
    transaction: &Transaction<'_>,
    job_id: JobId,
    part: u32,
    analysis: &str,
) -> rusqlite::Result<usize> {
    transaction.execute(
        "INSERT OR IGNORE INTO file_analyses (job_id, part, content) VALUES (?1, ?2, ?3)",
        params![job_id.to_simple(), part, analysis],
    )
}

pub(crate) fn find_text(
    transaction: &Transaction<'_>,
    job_id: JobId,
) -> rusqlite::Result<Option<AnalysedText>> {
    let analyses: BTreeMap<u32, String> = transaction
        .prepare_cached("SELECT part, content FROM file_analyses WHERE job_id = ?1")?
        .query_map([job_id.to_simple()], |row| Ok((row.get("part")?, row.get("content")?)))?
        .collect::<Result<_, _>>()?;
    transaction
        .prepare_cached("SELECT content, part_ends FROM file_texts WHERE job_id = ?1")?
        .query_row([job_id.to_simple()], |row| {
            let part_ends = row.get_ref("part_ends")?.as_str()?;
            let part_ends = serde_json::from_str(part_ends).map_err(invalid)?;
            Ok(AnalysedText { content: row.get("content")?, part_ends, analyses })
        })
        .optional()
}

pub(crate) fn job(row: &Row<'_>) -> rusqlite::Result<FileJob> {
    Ok(FileJob {
        job_id: parsed(row, "job_id")?,
        conversation_id: parsed(row, "conversation_id")?,
        file_name: FileName::from(row.get::<_, String>("file_name")?),
        size_bytes: row.get("size_bytes")?,
        token_count: row.get("token_count")?,
        status: enum_value(row, "status")?,
        parts_done: row.get("done")?,
        part_count: row.get("parts")?,
        error: problem(row)?,
        created_at: timestamp(row, "created_at")?,
        message_id: parsed_option(row, "message_id")?,
    })
}
