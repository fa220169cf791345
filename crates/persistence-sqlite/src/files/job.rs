//! Finding jobs, and changing their status.

use rusqlite::{OptionalExtension, Transaction, params};
use webchat_domain::{ConversationId, FileJob, JobId, JobStatus, UserId};

use crate::rows::{JOB, job, job_status_name};

/// Deletes a conversation's jobs, for a reset. Deleting the conversation cascades to its jobs.
pub(crate) fn delete_all(
    transaction: &Transaction<'_>,
    id: ConversationId,
) -> rusqlite::Result<usize> {
    transaction.execute("DELETE FROM file_jobs WHERE conversation_id = ?1", [id.to_simple()])
}

pub(super) fn cancel(transaction: &Transaction<'_>, job_id: JobId) -> rusqlite::Result<()> {
    end(transaction, job_id, JobStatus::Cancelled)?;
    remove_text(transaction, job_id)
}

/// Sets the final status and releases the lease.
pub(super) fn end(
    transaction: &Transaction<'_>,
    job_id: JobId,
    status: JobStatus,
) -> rusqlite::Result<()> {
    transaction.execute(
        "UPDATE file_jobs SET status = ?2, run_id = NULL, lease_until = NULL WHERE job_id = ?1",
        [job_id.to_simple().as_str(), job_status_name(status)],
    )?;
    Ok(())
}

pub(super) fn remove_text(transaction: &Transaction<'_>, job_id: JobId) -> rusqlite::Result<()> {
    transaction.execute("DELETE FROM file_texts WHERE job_id = ?1", [job_id.to_simple()])?;
    Ok(())
}

/// Returns at most `limit` of a conversation's jobs, newest first.
pub(super) fn newest(
    transaction: &Transaction<'_>,
    id: ConversationId,
    limit: u32,
) -> rusqlite::Result<Vec<FileJob>> {
    transaction
        .prepare_cached(&format!(
            "SELECT {JOB} FROM file_jobs WHERE conversation_id = ?1
             ORDER BY created_at DESC, job_id DESC LIMIT ?2"
        ))?
        .query_map(params![id.to_simple(), limit], job)?
        .collect()
}

pub(super) fn find(
    transaction: &Transaction<'_>,
    job_id: JobId,
) -> rusqlite::Result<Option<FileJob>> {
    transaction
        .prepare_cached(&format!("SELECT {JOB} FROM file_jobs WHERE job_id = ?1"))?
        .query_row([job_id.to_simple()], job)
        .optional()
}

pub(super) fn find_owned(
    transaction: &Transaction<'_>,
    user_id: UserId,
    id: ConversationId,
    job_id: JobId,
) -> rusqlite::Result<Option<FileJob>> {
    transaction
        .prepare_cached(&format!(
            "SELECT {JOB} FROM file_jobs
             WHERE job_id = ?1 AND conversation_id = ?2 AND user_id = ?3"
        ))?
        .query_row([job_id.to_simple(), id.to_simple(), user_id.to_simple()], job)
        .optional()
}
