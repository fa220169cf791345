//! Analyses a file again.

use webchat_domain::{Caller, ConversationId, FileInstructions, FileJob, JobId, JobStatus};
use webchat_persistence::rules::starts_anew;

use super::parts::max_instruction_tokens;
use super::service::Files;
use crate::context::prompts::user_instructions;
use crate::context::service::Choice;
use crate::error::ChatError;
use crate::models::token_budget::TokenReservation;
use crate::runtime::limits::Permit;

impl Files {
    /// Retries the missing parts of a failed analysis, or analyses all parts of a file again whose analysis is
    /// complete: the new analysis becomes another version of the answer. `None` keeps the instructions of the last
    /// analysis. With other ones, all parts are analysed, and the question becomes another version too.
    ///
    /// # Errors
    /// [`ChatError::FileNotFound`] if the user has no such file; [`ChatError::FileNotFailed`] if its analysis is
    /// cancelled; [`ChatError::FileRunning`] if it is running with other instructions; [`ChatError::FileNotKept`] if
    /// its text is not kept; [`ChatError::ContextTooLong`] if the instructions are too long for the model. If all parts
    /// are analysed, also those of [`Files::upload`] about the number of files and the token budget.
    pub async fn retry(
        &self,
        caller: impl Into<Caller>,
        id: ConversationId,
        job_id: JobId,
        instructions: Option<Choice<FileInstructions>>,
    ) -> Result<FileJob, ChatError> {
        let _admission = self.core.lifecycle.admit()?;
        let caller = caller.into();
        let user_id = caller.user_id;
        let existing = self.find(user_id, id, job_id).await?;
        let instructions = match instructions {
            None => existing.instructions.clone(),
            Some(Choice::Default) => None,
            Some(Choice::Custom(instructions)) => Some(instructions),
        };
        let requested = FileJob { instructions, ..existing.clone() };
        let start = self.admit_start(caller, &existing, &requested).await?;
        let instructions = requested.instructions.clone();
        let jobs = &self.core.ports.file_jobs;
        let retried = jobs.rerun_job(user_id, id, job_id, instructions).await?;
        // The store counts the job as running now.
        let reservation = start.map(|(_permit, reservation)| reservation);
        match check_runs(retried, &requested) {
            Ok(job) => {
                self.publish(&job).await;
                self.work.wake.notify_one();
                Ok(job)
            }
            Err(error) => {
                if let Some(reservation) = reservation {
                    self.core.settle_tokens(reservation, 0).await;
                }
                Err(error)
            }
        }
    }

    /// Checks the instructions. If all parts are to be analysed, acquires a permit and reserves tokens.
    async fn admit_start(
        &self,
        caller: Caller,
        existing: &FileJob,
        requested: &FileJob,
    ) -> Result<Option<(Permit, TokenReservation)>, ChatError> {
        if !starts_anew(existing, requested.instructions.as_ref()) {
            return Ok(None);
        }
        let is_changed = existing.instructions != requested.instructions;
        if let Some(instructions) = requested.instructions.as_ref().filter(|_| is_changed) {
            self.check_instructions(instructions).await?;
        }
        let permit = self.acquire_permit(caller.user_id).await?;
        Ok(Some((permit, self.reserve_tokens(caller, requested).await?)))
    }

    /// Fails if the instructions leave too little of the model's window for the file.
    async fn check_instructions(&self, instructions: &FileInstructions) -> Result<(), ChatError> {
        let model = self.core.ports.models.first();
        let all = self.core.count_tokens(&model, &user_instructions(instructions)).await;
        let max = max_instruction_tokens(&model);
        if all <= max {
            return Ok(());
        }
        let own = self.core.count_tokens(&model, instructions.as_str()).await;
        Err(ChatError::ContextTooLong { limit: max.saturating_sub(all.saturating_sub(own)) })
    }
}

/// Returns the job if it runs as requested, and otherwise the reason why it doesn't.
fn check_runs(retried: Option<FileJob>, requested: &FileJob) -> Result<FileJob, ChatError> {
    let running = retried.filter(|job| job.status == JobStatus::Running);
    let job = running.ok_or(match requested.status {
        JobStatus::Complete => ChatError::FileNotKept,
        _ => ChatError::FileNotFailed,
    })?;
    if job.instructions != requested.instructions {
        return Err(ChatError::FileRunning);
    }
    Ok(job)
}
