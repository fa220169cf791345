//! Finding and deleting jobs.

use rusqlite::{OptionalExtension, Transaction, params};
use webchat_domain::{ConversationId, FileJob, JobId, MessageId, UserId};

use crate::rows::{JOB, invalid, job, read};

/// Deletes a conversation's jobs.
pub(crate) fn delete_all(transaction: &Transaction<'_>, id: &str) -> rusqlite::Result<usize> {
    transaction.prepare_cached("DELETE FROM file_jobs WHERE conversation_id = ?1")?.execute([id])
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
        .query_map(params![id.to_simple(), limit], read(job))?
        .collect()
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
        .query_row([job_id.to_simple(), id.to_simple(), user_id.to_simple()], read(job))
        .optional()
}

/// Finds the user's job whose newest analysis is one of these messages.
pub(super) fn find_of_analysis(
    transaction: &Transaction<'_>,
    user_id: UserId,
    id: ConversationId,
    message_ids: &[MessageId],
) -> rusqlite::Result<Option<FileJob>> {
    let ids: Vec<String> = message_ids.iter().copied().map(MessageId::to_simple).collect();
    let ids = serde_json::to_string(&ids).map_err(invalid)?;
    transaction
        .prepare_cached(&format!(
            "SELECT {JOB} FROM file_jobs
             WHERE conversation_id = ?1 AND user_id = ?2
                 AND message_id IN (SELECT value FROM json_each(?3))"
        ))?
        .query_row(params![id.to_simple(), user_id.to_simple(), ids], read(job))
        .optional()
}
