//! Rows of `file_jobs`, `file_texts` and `file_analyses`.

use std::collections::BTreeMap;

use rusqlite::{OptionalExtension, Transaction, params};
use webchat_domain::{
    ConversationId, FileInstructions, FileJob, FileName, JobId, MessageId, UserId,
};
use webchat_persistence::rules::{self, StoredName};
use webchat_persistence::{FileAnalysis, StoredFileJob};

use super::columns::{Columns, invalid, read};

/// The columns that [`job`] reads.
pub(crate) const JOB: &str = "job_id, conversation_id, file_name, size_bytes, token_count, status, done, parts, \
     error_message, error_code, created_at, message_id, question_id, instructions";

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
        .query_map(
            params![id.to_simple(), after, limit],
            read(|columns| {
                let (user_id, job) = (columns.parsed()?, job(columns)?);
                let text = find_text(transaction, job.job_id)?;
                Ok(StoredFileJob { user_id, job, text })
            }),
        )?
        .collect()
}

/// Stores the job unchanged. Replaces a job with the same id.
pub(crate) fn put_job(
    transaction: &Transaction<'_>,
    stored: &StoredFileJob,
) -> rusqlite::Result<()> {
    let job_id = stored.job.job_id;
    transaction
        .prepare_cached("DELETE FROM file_jobs WHERE job_id = ?1")?
        .execute([job_id.to_simple()])?;
    insert_job(transaction, stored.user_id, &stored.job)?;
    let Some(FileAnalysis { content, part_ends, analyses }) = &stored.text else { return Ok(()) };
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
    transaction
        .prepare_cached(
            "INSERT INTO file_jobs (job_id, conversation_id, user_id, file_name, size_bytes,
                 token_count, status, done, parts, created_at, message_id, error_message,
                 error_code, question_id, instructions)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
        )?
        .execute(params![
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
            job.question_id.map(MessageId::to_simple),
            job.instructions.as_ref().map(FileInstructions::as_str),
        ])?;
    Ok(())
}

/// Writes the fields of a job that can change. Removes its lease, its text and its analyses, depending on its state.
pub(crate) fn update_job(transaction: &Transaction<'_>, job: &FileJob) -> rusqlite::Result<()> {
    let (job_id, error) = (job.job_id.to_simple(), job.error.as_ref());
    transaction
        .prepare_cached(
            "UPDATE file_jobs SET status = ?2, done = ?3, message_id = ?4, error_message = ?5,
                 error_code = ?6, run_id = iif(?7, run_id, NULL),
                 lease_until = iif(?7, lease_until, NULL), question_id = ?8, instructions = ?9
             WHERE job_id = ?1",
        )?
        .execute(params![
            job_id,
            job.status.stored_name(),
            job.parts_done,
            job.message_id.map(MessageId::to_simple),
            error.map(|error| &error.message),
            error.map(|error| &error.code),
            rules::can_be_leased(job.status),
            job.question_id.map(MessageId::to_simple),
            job.instructions.as_ref().map(FileInstructions::as_str),
        ])?;
    if !rules::keeps_analyses(job) {
        transaction
            .prepare_cached("DELETE FROM file_analyses WHERE job_id = ?1")?
            .execute([&job_id])?;
    }
    if !rules::keeps_text(job.status) {
        transaction
            .prepare_cached("DELETE FROM file_texts WHERE job_id = ?1")?
            .execute([job_id])?;
    }
    Ok(())
}

pub(crate) fn has_text(transaction: &Transaction<'_>, job_id: JobId) -> rusqlite::Result<bool> {
    transaction
        .prepare_cached("SELECT 1 FROM file_texts WHERE job_id = ?1")?
        .exists([job_id.to_simple()])
}

pub(crate) fn insert_text(
    transaction: &Transaction<'_>,
    job_id: JobId,
    content: &str,
    part_ends: &[u64],
) -> rusqlite::Result<()> {
    let part_ends = serde_json::to_string(part_ends).map_err(invalid)?;
    transaction
        .prepare_cached("INSERT INTO file_texts (job_id, content, part_ends) VALUES (?1, ?2, ?3)")?
        .execute(params![job_id.to_simple(), content, part_ends])?;
    Ok(())
}

/// Inserts an analysis. Returns the number of inserted rows, which is 0 if the part has an analysis already.
pub(crate) fn insert_analysis(
    transaction: &Transaction<'_>,
    job_id: JobId,
    part: u32,
    analysis: &str,
) -> rusqlite::Result<usize> {
    transaction
        .prepare_cached(
            "INSERT OR IGNORE INTO file_analyses (job_id, part, content) VALUES (?1, ?2, ?3)",
        )?
        .execute(params![job_id.to_simple(), part, analysis])
}

pub(crate) fn find_text(
    transaction: &Transaction<'_>,
    job_id: JobId,
) -> rusqlite::Result<Option<FileAnalysis>> {
    let found: Option<(String, Vec<u64>)> = transaction
        .prepare_cached("SELECT content, part_ends FROM file_texts WHERE job_id = ?1")?
        .query_row([job_id.to_simple()], read(text))
        .optional()?;
    let Some((content, part_ends)) = found else { return Ok(None) };
    let analyses = transaction
        .prepare_cached("SELECT part, content FROM file_analyses WHERE job_id = ?1")?
        .query_map([job_id.to_simple()], read(|columns| Ok((columns.value()?, columns.value()?))))?
        .collect::<Result<BTreeMap<u32, String>, _>>()?;
    Ok(Some(FileAnalysis { content, part_ends, analyses }))
}

fn text(columns: &mut Columns<'_>) -> rusqlite::Result<(String, Vec<u64>)> {
    let content = columns.value()?;
    let part_ends = serde_json::from_str(columns.text()?).map_err(invalid)?;
    Ok((content, part_ends))
}

pub(crate) fn job(columns: &mut Columns<'_>) -> rusqlite::Result<FileJob> {
    Ok(FileJob {
        job_id: columns.parsed()?,
        conversation_id: columns.parsed()?,
        file_name: FileName::from(columns.value::<String>()?),
        size_bytes: columns.value()?,
        token_count: columns.value()?,
        status: columns.enum_value()?,
        parts_done: columns.value()?,
        part_count: columns.value()?,
        error: columns.problem()?,
        created_at: columns.timestamp()?,
        message_id: columns.parsed_option()?,
        question_id: columns.parsed_option()?,
        instructions: instructions(columns)?,
    })
}

fn instructions(columns: &mut Columns<'_>) -> rusqlite::Result<Option<FileInstructions>> {
    let text: Option<String> = columns.value()?;
    text.map(FileInstructions::try_from).transpose().map_err(invalid)
}
