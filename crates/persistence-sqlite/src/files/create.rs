//! Creating a job, up to the maximum number of jobs of a user.

use rusqlite::{Transaction, params};
use webchat_domain::{FileJob, UserId};
use webchat_persistence::rules::{self, CreateJobState};
use webchat_persistence::{CreateJobOutcome, NewFileJob};

use super::job::find_owned;
use crate::rows::{self, JOB, insert_job, insert_text};

pub(super) fn create(
    transaction: &Transaction<'_>,
    user_id: UserId,
    new: &NewFileJob,
) -> rusqlite::Result<CreateJobOutcome> {
    let job = &new.job;
    let state = rows::find_state(transaction, user_id, job.conversation_id)?;
    let loaded = CreateJobState {
        has_conversation: state.is_some(),
        duplicate: find_owned(transaction, user_id, job.conversation_id, job.job_id)?,
        running: count_running(transaction, user_id)?,
    };
    let failed_kept = match rules::check_create_job(new.max_unfinished, loaded) {
        Ok(failed_kept) => failed_kept,
        Err(rejected) => return Ok(*rejected),
    };
    for excess in find_failed_beyond(transaction, user_id, failed_kept)? {
        if let Some(cancelled) = rules::cancel_job(&excess) {
            rows::update_job(transaction, &cancelled)?;
        }
    }
    if let Some(state) = state {
        rows::update_state(transaction, &rules::add_job(state, job))?;
    }
    insert_job(transaction, user_id, job)?;
    insert_text(transaction, job.job_id, &new.text, &new.part_ends)?;
    Ok(CreateJobOutcome::Created)
}

/// Returns the number of the user's running jobs.
pub(super) fn count_running(
    transaction: &Transaction<'_>,
    user_id: UserId,
) -> rusqlite::Result<u64> {
    transaction
        .prepare_cached("SELECT count(*) FROM file_jobs WHERE user_id = ?1 AND status = 'running'")?
        .query_row([user_id.to_simple()], |row| row.get(0))
}

/// Finds the user's failed jobs except the newest `kept`.
fn find_failed_beyond(
    transaction: &Transaction<'_>,
    user_id: UserId,
    kept: u64,
) -> rusqlite::Result<Vec<FileJob>> {
    transaction
        .prepare_cached(&format!(
            "SELECT {JOB} FROM file_jobs WHERE user_id = ?1 AND status = 'failed'
             ORDER BY created_at DESC, job_id DESC LIMIT -1 OFFSET ?2"
        ))?
        .query_map(params![user_id.to_simple(), kept], rows::read(rows::job))?
        .collect()
}
