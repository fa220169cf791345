//! A store of file jobs that records two parts at a time.

use async_trait::async_trait;
use tokio::sync::Barrier;
use webchat_domain::{ConversationId, FileInstructions, MessageId, UserId};
use webchat_persistence::{Append, CompleteJobOutcome, CreateJobOutcome, FileJobs, NewFileJob};

use super::*;

/// A store of file jobs in which each call of `record_part` waits for a second, concurrent call.
pub(super) struct FileJobsWithBarrier {
    pub(super) jobs: Arc<dyn FileJobs>,
    pub(super) barrier: Barrier,
}

type JobResult = Result<Option<FileJob>, StoreError>;

#[async_trait]
impl FileJobs for FileJobsWithBarrier {
    async fn record_part(&self, id: JobId, run: RunId, part: u32, analysis: String) -> JobResult {
        self.barrier.wait().await;
        self.jobs.record_part(id, run, part, analysis).await
    }

    async fn create_job(
        &self,
        user_id: UserId,
        new: NewFileJob,
    ) -> Result<CreateJobOutcome, StoreError> {
        self.jobs.create_job(user_id, new).await
    }

    async fn count_running_jobs(&self, user_id: UserId) -> Result<u64, StoreError> {
        self.jobs.count_running_jobs(user_id).await
    }

    async fn find_job(&self, user_id: UserId, id: ConversationId, job_id: JobId) -> JobResult {
        self.jobs.find_job(user_id, id, job_id).await
    }

    async fn jobs(
        &self,
        user_id: UserId,
        id: ConversationId,
        limit: u32,
    ) -> Result<Option<Vec<FileJob>>, StoreError> {
        self.jobs.jobs(user_id, id, limit).await
    }

    async fn take_job(
        &self,
        run: RunId,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<LeasedJob>, StoreError> {
        self.jobs.take_job(run, now, until).await
    }

    async fn renew_job(&self, id: JobId, run: RunId, until: Timestamp) -> Result<bool, StoreError> {
        self.jobs.renew_job(id, run, until).await
    }

    async fn complete_job(
        &self,
        id: JobId,
        run: RunId,
        append: Append,
        now: Timestamp,
    ) -> Result<CompleteJobOutcome, StoreError> {
        self.jobs.complete_job(id, run, append, now).await
    }

    async fn fail_job(&self, id: JobId, run: RunId, error: Problem) -> JobResult {
        self.jobs.fail_job(id, run, error).await
    }

    async fn cancel_job(&self, user_id: UserId, id: ConversationId, job_id: JobId) -> JobResult {
        self.jobs.cancel_job(user_id, id, job_id).await
    }

    async fn retry_job(
        &self,
        user_id: UserId,
        id: ConversationId,
        job_id: JobId,
        instructions: Option<FileInstructions>,
    ) -> JobResult {
        self.jobs.retry_job(user_id, id, job_id, instructions).await
    }

    async fn job_of_analysis(
        &self,
        user_id: UserId,
        id: ConversationId,
        message_ids: Vec<MessageId>,
    ) -> JobResult {
        self.jobs.job_of_analysis(user_id, id, message_ids).await
    }
}
