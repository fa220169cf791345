//! Recording analyses and ending jobs.

use rusqlite::{Transaction, params};
use webchat_domain::{
    ConversationId, FileJob, JobId, JobStatus, Problem, RunId, Timestamp, UserId,
};
use webchat_persistence::{Append, AppendOutcome, CompletedJob, rules};

use super::job::{cancel, end, find, find_owned, remove_text};
use super::lease::find_leased;
use crate::conversations::append;
use crate::rows::{insert_analysis, invalid, job_status_name};

/// Records the analysis of one part. Returns `None` if the run has lost its lease.
pub(super) fn record(
    transaction: &Transaction<'_>,
    job_id: JobId,
    run_id: RunId,
    part: u32,
    analysis: &str,
) -> rusqlite::Result<Option<FileJob>> {
    if find_leased(transaction, job_id, run_id)?.is_none() {
        return Ok(None);
    }
    let added = insert_analysis(transaction, job_id, part, analysis)?;
    transaction.execute(
        "UPDATE file_jobs SET done = done + ?2 WHERE job_id = ?1",
        params![job_id.to_simple(), added],
    )?;
    find(transaction, job_id)
}

pub(super) fn complete(
    transaction: &Transaction<'_>,
    job_id: JobId,
    run_id: RunId,
    new: Append,
    now: Timestamp,
) -> rusqlite::Result<Option<CompletedJob>> {
    let Some((user_id, job)) = find_leased(transaction, job_id, run_id)? else { return Ok(None) };
    let appended = append(transaction, user_id, job.conversation_id, new, now)?;
    let AppendOutcome::Stored { conversation, messages } = appended else {
        return Err(invalid("the messages of a file could not be appended"));
    };
    end(transaction, job_id, JobStatus::Complete)?;
    remove_text(transaction, job_id)?;
    transaction.execute(
        "UPDATE file_jobs SET message_id = ?2 WHERE job_id = ?1",
        params![job_id.to_simple(), messages.last().map(|last| last.message_id.to_simple())],
    )?;
    let job = find(transaction, job_id)?;
    Ok(job.map(|job| CompletedJob { job, conversation, messages }))
}

pub(super) fn fail(
    transaction: &Transaction<'_>,
    job_id: JobId,
    run_id: RunId,
    error: &Problem,
) -> rusqlite::Result<Option<FileJob>> {
    if find_leased(transaction, job_id, run_id)?.is_none() {
        return Ok(None);
    }
    end(transaction, job_id, JobStatus::Failed)?;
    transaction.execute(
        "UPDATE file_jobs SET error_message = ?2, error_code = ?3 WHERE job_id = ?1",
        params![job_id.to_simple(), error.message, error.code],
    )?;
    find(transaction, job_id)
}

pub(super) fn cancel_owned(
    transaction: &Transaction<'_>,
    user_id: UserId,
    id: ConversationId,
    job_id: JobId,
) -> rusqlite::Result<Option<FileJob>> {
    let Some(job) = find_owned(transaction, user_id, id, job_id)? else { return Ok(None) };
    if rules::CANCELLABLE.contains(&job.status) {
        cancel(transaction, job_id)?;
    }
    find(transaction, job_id)
}

pub(super) fn retry(
    transaction: &Transaction<'_>,
    user_id: UserId,
    id: ConversationId,
    job_id: JobId,
) -> rusqlite::Result<Option<FileJob>> {
    transaction.execute(
        "UPDATE file_jobs SET status = ?5, error_message = NULL, error_code = NULL
         WHERE job_id = ?1 AND conversation_id = ?2 AND user_id = ?3 AND status = ?4",
        params![
            job_id.to_simple(),
            id.to_simple(),
            user_id.to_simple(),
            job_status_name(rules::RETRYABLE),
            job_status_name(JobStatus::Running),
        ],
    )?;
    find_owned(transaction, user_id, id, job_id)
}
