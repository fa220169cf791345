//! Leasing jobs to runs.

use rusqlite::{OptionalExtension, Transaction, params};
use webchat_domain::{FileJob, JobId, RunId, Timestamp, UserId};
use webchat_persistence::LeasedJob;

use crate::rows::{Columns, JOB, find_text, invalid, job, read};

/// Leases the oldest job without a valid lease to the run.
pub(super) fn take(
    transaction: &Transaction<'_>,
    run_id: RunId,
    now: Timestamp,
    until: Timestamp,
) -> rusqlite::Result<Option<LeasedJob>> {
    let Some(job_id) = find_available(transaction, now)? else { return Ok(None) };
    transaction
        .prepare_cached("UPDATE file_jobs SET run_id = ?2, lease_until = ?3 WHERE job_id = ?1")?
        .execute(params![job_id.to_simple(), run_id.to_simple(), until.unix_millis()])?;
    let analysis =
        find_text(transaction, job_id)?.ok_or_else(|| invalid("a running job has no text"))?;
    let (user_id, job) = transaction
        .prepare_cached(&format!("SELECT user_id, {JOB} FROM file_jobs WHERE job_id = ?1"))?
        .query_row([job_id.to_simple()], read(owned_job))?;
    Ok(Some(LeasedJob { user_id, job, analysis }))
}

/// Renews the lease. Returns `false` if the run has lost it.
pub(super) fn renew(
    transaction: &Transaction<'_>,
    job_id: JobId,
    run_id: RunId,
    until: Timestamp,
) -> rusqlite::Result<bool> {
    let renewed = transaction
        .prepare_cached("UPDATE file_jobs SET lease_until = ?3 WHERE job_id = ?1 AND run_id = ?2")?
        .execute(params![job_id.to_simple(), run_id.to_simple(), until.unix_millis()])?;
    Ok(renewed > 0)
}

/// Finds the oldest job without a valid lease.
pub(super) fn find_available(
    transaction: &Transaction<'_>,
    now: Timestamp,
) -> rusqlite::Result<Option<JobId>> {
    transaction
        .prepare_cached(
            "SELECT job_id FROM file_jobs
             WHERE status = 'running' AND coalesce(lease_until <= ?1, TRUE)
             ORDER BY created_at LIMIT 1",
        )?
        .query_row([now.unix_millis()], |row| Columns::of(row).parsed())
        .optional()
}

/// Finds the job and its user if the run still holds the lease.
pub(super) fn find_leased(
    transaction: &Transaction<'_>,
    job_id: JobId,
    run_id: RunId,
) -> rusqlite::Result<Option<(UserId, FileJob)>> {
    transaction
        .prepare_cached(&format!(
            "SELECT user_id, {JOB} FROM file_jobs WHERE job_id = ?1 AND run_id = ?2"
        ))?
        .query_row([job_id.to_simple(), run_id.to_simple()], read(owned_job))
        .optional()
}

fn owned_job(columns: &mut Columns<'_>) -> rusqlite::Result<(UserId, FileJob)> {
    Ok((columns.parsed()?, job(columns)?))
}
