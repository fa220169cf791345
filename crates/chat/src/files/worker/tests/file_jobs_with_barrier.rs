//! A store of file jobs that records two parts at a time.

use async_trait::async_trait;
use tokio::sync::Barrier;
use webchat_domain::{ConversationId, FileInstructions, MessageId, UserId};
use webchat_persistence::{Append, CompleteJobOutcome, CreateJobOutcome, FileJobs, NewFileJob};

use super::*;

/// A store of file jobs in which each call of `record_part` waits for a second, concurrent call.
pub(super) struct FileJobsWithBarrier {
    pub(super) inner: Arc<dyn FileJobs>,
    pub(super) barrier: Barrier,
}

type JobResult = Result<Option<FileJob>, StoreError>;

#[async_trait]
impl FileJobs for FileJobsWithBarrier {
    async fn record_part(
        &self,
        job_id: JobId,
        run: RunId,
        part: u32,
        analysis: String,
    ) -> JobResult {
        self.barrier.wait().await;
        self.inner.record_part(job_id, run, part, analysis).await
    }

    async fn create_job(
        &self,
        user_id: UserId,
        new: NewFileJob,
    ) -> Result<CreateJobOutcome, StoreError> {
        self.inner.create_job(user_id, new).await
    }

    async fn count_running_jobs(&self, user_id: UserId) -> Result<u64, StoreError> {
        self.inner.count_running_jobs(user_id).await
    }

    async fn find_job(
        &self,
        user_id: UserId,
        conversation_id: ConversationId,
        job_id: JobId,
    ) -> JobResult {
        self.inner.find_job(user_id, conversation_id, job_id).await
    }

    async fn list_jobs(
        &self,
        user_id: UserId,
        conversation_id: ConversationId,
        limit: u32,
    ) -> Result<Option<Vec<FileJob>>, StoreError> {
        self.inner.list_jobs(user_id, conversation_id, limit).await
    }

    async fn lease_job(
        &self,
        run: RunId,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<LeasedJob>, StoreError> {
        self.inner.lease_job(run, now, until).await
    }

    async fn renew_job_lease(
        &self,
        job_id: JobId,
        run: RunId,
        until: Timestamp,
    ) -> Result<bool, StoreError> {
        self.inner.renew_job_lease(job_id, run, until).await
    }

    async fn complete_job(
        &self,
        job_id: JobId,
        run: RunId,
        append: Append,
        now: Timestamp,
    ) -> Result<CompleteJobOutcome, StoreError> {
        self.inner.complete_job(job_id, run, append, now).await
    }

    async fn fail_job(&self, job_id: JobId, run: RunId, error: Problem) -> JobResult {
        self.inner.fail_job(job_id, run, error).await
    }

    async fn cancel_job(
        &self,
        user_id: UserId,
        conversation_id: ConversationId,
        job_id: JobId,
    ) -> JobResult {
        self.inner.cancel_job(user_id, conversation_id, job_id).await
    }

    async fn rerun_job(
        &self,
        user_id: UserId,
        conversation_id: ConversationId,
        job_id: JobId,
        instructions: Option<FileInstructions>,
    ) -> JobResult {
        self.inner.rerun_job(user_id, conversation_id, job_id, instructions).await
    }

    async fn find_job_by_analysis(
        &self,
        user_id: UserId,
        conversation_id: ConversationId,
        message_ids: Vec<MessageId>,
    ) -> JobResult {
        self.inner.find_job_by_analysis(user_id, conversation_id, message_ids).await
    }
}
