//! State changes of file jobs: recorded parts, and jobs that complete, fail, are cancelled or retried.

use rusqlite::Transaction;
use webchat_domain::{ConversationId, FileJob, JobId, Problem, RunId, Timestamp, UserId};
use webchat_persistence::{Append, AppendOutcome, CompleteJobOutcome, CompletedJob, rules};

use super::job::find_owned;
use super::lease::find_leased;
use crate::conversations::append;
use crate::rows::{has_text, insert_analysis, invalid, update_job};

/// Records the analysis of one part. Returns `None` if the run has lost its lease.
pub(super) fn record(
    transaction: &Transaction<'_>,
    job_id: JobId,
    run_id: RunId,
    part: u32,
    analysis: &str,
) -> rusqlite::Result<Option<FileJob>> {
    let Some((_, job)) = find_leased(transaction, job_id, run_id)? else { return Ok(None) };
    if insert_analysis(transaction, job_id, part, analysis)? == 0 {
        return Ok(Some(job));
    }
    update(transaction, rules::record_part(job)).map(Some)
}

pub(super) fn complete(
    transaction: &Transaction<'_>,
    job_id: JobId,
    run_id: RunId,
    new: Append,
    now: Timestamp,
) -> rusqlite::Result<CompleteJobOutcome> {
    let Some((user_id, job)) = find_leased(transaction, job_id, run_id)? else {
        return Ok(CompleteJobOutcome::LeaseLost);
    };
    let (conversation, messages) =
        match append(transaction, user_id, job.conversation_id, new, now)? {
            AppendOutcome::Stored { conversation, messages } => (conversation, messages),
            AppendOutcome::TurnInProgress => return Ok(CompleteJobOutcome::TurnInProgress),
            _ => return Err(invalid("the messages of a file could not be appended")),
        };
    let job = update(transaction, rules::complete_job(job, &messages))?;
    let completed = CompletedJob { job, conversation, messages };
    Ok(CompleteJobOutcome::Completed(Box::new(completed)))
}

pub(super) fn fail(
    transaction: &Transaction<'_>,
    job_id: JobId,
    run_id: RunId,
    error: Problem,
) -> rusqlite::Result<Option<FileJob>> {
    let Some((_, job)) = find_leased(transaction, job_id, run_id)? else { return Ok(None) };
    update(transaction, rules::fail_job(job, error)).map(Some)
}

/// Changes a user's job by a rule, which returns `None` to leave the job unchanged. The second argument of the rule is
/// whether the job has a text.
pub(super) fn change_owned(
    transaction: &Transaction<'_>,
    user_id: UserId,
    id: ConversationId,
    job_id: JobId,
    rule: impl Fn(&FileJob, bool) -> Option<FileJob>,
) -> rusqlite::Result<Option<FileJob>> {
    let Some(job) = find_owned(transaction, user_id, id, job_id)? else { return Ok(None) };
    match rule(&job, has_text(transaction, job_id)?) {
        Some(changed) => update(transaction, changed).map(Some),
        None => Ok(Some(job)),
    }
}

fn update(transaction: &Transaction<'_>, job: FileJob) -> rusqlite::Result<FileJob> {
    update_job(transaction, &job)?;
    Ok(job)
}
