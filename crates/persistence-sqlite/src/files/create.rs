//! Creating a job, within the number of jobs that a user may have.

use rusqlite::{Transaction, params};
use webchat_domain::{JobId, UserId};
use webchat_persistence::{CreateJobOutcome, NewFileJob, rules};

use super::job::{cancel, find_owned};
use crate::rows::{self, insert_job, insert_text};

pub(super) fn create(
    transaction: &Transaction<'_>,
    user_id: UserId,
    new: &NewFileJob,
) -> rusqlite::Result<CreateJobOutcome> {
    let job = &new.job;
    if rows::find_conversation(transaction, user_id, job.conversation_id)?.is_none() {
        return Ok(CreateJobOutcome::NotFound);
    }
    if let Some(known) = find_owned(transaction, user_id, job.conversation_id, job.job_id)? {
        return Ok(CreateJobOutcome::Duplicate(known));
    }
    if !make_room(transaction, user_id, new.max_kept)? {
        return Ok(CreateJobOutcome::TooMany);
    }
    transaction.execute(
        "UPDATE conversations SET updated_at = ?2 WHERE conversation_id = ?1",
        params![job.conversation_id.to_simple(), job.created_at.unix_millis()],
    )?;
    insert_job(transaction, user_id, job)?;
    insert_text(transaction, job.job_id, &new.text, &new.part_ends)?;
    Ok(CreateJobOutcome::Created)
}

/// Returns the number of the user's running jobs.
pub(super) fn count_running(
    transaction: &Transaction<'_>,
    user_id: UserId,
) -> rusqlite::Result<u64> {
    transaction.query_row(
        "SELECT count(*) FROM file_jobs WHERE user_id = ?1 AND status = 'running'",
        [user_id.to_simple()],
        |row| row.get(0),
    )
}

/// Cancels the oldest failed jobs until there is room for a new one. Returns `false` if the running jobs
/// alone use up the limit.
fn make_room(
    transaction: &Transaction<'_>,
    user_id: UserId,
    max_kept: u32,
) -> rusqlite::Result<bool> {
    let running = count_running(transaction, user_id)?;
    let Some(kept) = rules::failed_jobs_to_keep(running, max_kept) else { return Ok(false) };
    let excess: Vec<JobId> = transaction
        .prepare(
            "SELECT job_id FROM file_jobs WHERE user_id = ?1 AND status = 'failed'
             ORDER BY created_at DESC, job_id DESC LIMIT -1 OFFSET ?2",
        )?
        .query_map(params![user_id.to_simple(), kept], |row| rows::parsed(row, "job_id"))?
        .collect::<Result<_, _>>()?;
    for job_id in excess {
        cancel(transaction, job_id)?;
    }
    Ok(true)
}
