//! Rules for creating and changing file jobs.

use webchat_domain::{FileInstructions, FileJob, JobStatus, Message, Problem, Title};

use super::ConversationState;
use crate::CreateJobOutcome;

/// The state that a store loads before it creates a job.
#[derive(Clone, Debug, Default)]
pub struct CreateJobState {
    /// Whether the user has the job's conversation.
    pub has_conversation: bool,
    /// The user's job with the same id in this conversation.
    pub duplicate: Option<FileJob>,
    /// The number of the user's running jobs.
    pub running: u64,
}

/// Checks the preconditions of a job, in this order: conversation, duplicate, number of jobs. Returns how
/// many of the user's failed jobs are kept in addition to the new one; the older ones are cancelled.
///
/// # Errors
/// The outcome that rejects the job; nothing may be changed.
pub fn check_create_job(
    max_unfinished: u32,
    state: CreateJobState,
) -> Result<u64, Box<CreateJobOutcome>> {
    if !state.has_conversation {
        return Err(Box::new(CreateJobOutcome::NotFound));
    }
    if let Some(existing) = state.duplicate {
        return Err(Box::new(CreateJobOutcome::Duplicate(existing)));
    }
    failed_jobs_to_keep(state.running, max_unfinished)
        .ok_or_else(|| Box::new(CreateJobOutcome::TooMany))
}

/// Returns the conversation after the job is created. The file's name is the title of a conversation that has none.
#[must_use]
pub fn add_job(mut state: ConversationState, job: &FileJob) -> ConversationState {
    let title = state.conversation.title.take();
    state.conversation.title = title.or_else(|| Title::of_file(&job.file_name));
    state.updated(job.created_at)
}

/// Returns how many of a user's failed jobs are kept in addition to a new one, or `None` if the running jobs alone
/// reach the limit.
#[must_use]
pub fn failed_jobs_to_keep(running: u64, max_unfinished: u32) -> Option<u64> {
    u64::from(max_unfinished.saturating_sub(1)).checked_sub(running)
}

/// Whether a job in this status can be leased. A change to any other status ends the lease.
#[must_use]
pub fn can_be_leased(status: JobStatus) -> bool {
    status == JobStatus::Running
}

/// Whether the text of a job in this status is kept.
#[must_use]
pub fn keeps_text(status: JobStatus) -> bool {
    status != JobStatus::Cancelled
}

/// Whether the analyses of the parts of this job are kept. Those of a job that starts anew are not.
#[must_use]
pub fn keeps_analyses(job: &FileJob) -> bool {
    has_unfinished_analysis(job.status) && job.parts_done > 0
}

fn has_unfinished_analysis(status: JobStatus) -> bool {
    matches!(status, JobStatus::Running | JobStatus::Failed)
}

/// Counts a newly recorded part.
#[must_use]
pub fn record_part(job: FileJob) -> FileJob {
    FileJob { parts_done: job.parts_done + 1, ..job }
}

/// Completes a job whose messages are stored; the last of them is the analysis.
#[must_use]
pub fn complete_job(job: FileJob, messages: &[Message]) -> FileJob {
    let message_id = messages.last().map(|last| last.message_id);
    let question_id = messages.last().and_then(|last| last.parent_id);
    FileJob { status: JobStatus::Complete, message_id, question_id, ..job }
}

/// Ends a job as failed.
#[must_use]
pub fn fail_job(job: FileJob, error: Problem) -> FileJob {
    FileJob { status: JobStatus::Failed, error: Some(error), ..job }
}

/// Cancels a job. If it has an analysis already, it is complete again. Returns `None` if it is complete or cancelled
/// already.
#[must_use]
pub fn cancel_job(job: &FileJob) -> Option<FileJob> {
    if !has_unfinished_analysis(job.status) {
        return None;
    }
    let cancelled = FileJob { status: JobStatus::Cancelled, ..job.clone() };
    Some(match job.message_id {
        None => cancelled,
        Some(_) => FileJob {
            status: JobStatus::Complete,
            parts_done: job.part_count,
            error: None,
            ..cancelled
        },
    })
}

/// Whether a job that runs again with these instructions analyses all parts, and not only the missing ones.
#[must_use]
pub fn starts_anew(job: &FileJob, instructions: Option<&FileInstructions>) -> bool {
    match job.status {
        JobStatus::Complete => true,
        JobStatus::Failed => job.instructions.as_ref() != instructions,
        JobStatus::Running | JobStatus::Cancelled => false,
    }
}

/// Makes a job run again with these instructions: a failed one for its missing parts, a complete one for all parts. A
/// failed one with other instructions runs for all parts too, because the recorded analyses do not follow them. Returns
/// `None` if the job has not ended, is cancelled, or has no text.
#[must_use]
pub fn rerun_job(
    job: &FileJob,
    has_text: bool,
    instructions: Option<&FileInstructions>,
) -> Option<FileJob> {
    if !matches!(job.status, JobStatus::Failed | JobStatus::Complete) {
        return None;
    }
    let parts_done = if starts_anew(job, instructions) { 0 } else { job.parts_done };
    let (status, instructions) = (JobStatus::Running, instructions.cloned());
    has_text.then(|| FileJob { status, parts_done, error: None, instructions, ..job.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(running: u64, max_unfinished: u32) -> Result<u64, Box<CreateJobOutcome>> {
        let state = CreateJobState { has_conversation: true, running, ..Default::default() };
        check_create_job(max_unfinished, state)
    }

    #[test]
    fn a_new_job_replaces_failed_jobs_but_not_running_ones() {
        assert_eq!(check(0, 3), Ok(2));
        assert_eq!(check(2, 3), Ok(0));
        assert_eq!(check(3, 3), Err(Box::new(CreateJobOutcome::TooMany)));
        assert_eq!(check(0, 0), Ok(0));
    }
}
