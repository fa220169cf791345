//! Implements [`FileJobs`].

use async_trait::async_trait;
use webchat_domain::{
    ConversationId, FileInstructions, FileJob, JobId, MessageId, Problem, RunId, Timestamp, UserId,
};
use webchat_persistence::{
    Append, CompleteJobOutcome, CreateJobOutcome, FileJobs, LeasedJob, NewFileJob, StoreError,
    rules,
};

use super::{create, end, job, lease};
use crate::{SqliteStore, rows};

#[async_trait]
impl FileJobs for SqliteStore {
    async fn create_job(
        &self,
        user_id: UserId,
        new: NewFileJob,
    ) -> Result<CreateJobOutcome, StoreError> {
        self.database.write(move |transaction| create::create(transaction, user_id, &new)).await
    }

    async fn count_running_jobs(&self, user_id: UserId) -> Result<u64, StoreError> {
        self.database.read(move |transaction| create::count_running(transaction, user_id)).await
    }

    async fn find_job(
        &self,
        user_id: UserId,
        id: ConversationId,
        job_id: JobId,
    ) -> Result<Option<FileJob>, StoreError> {
        self.database
            .read(move |transaction| job::find_owned(transaction, user_id, id, job_id))
            .await
    }

    async fn list_jobs(
        &self,
        user_id: UserId,
        id: ConversationId,
        limit: u32,
    ) -> Result<Option<Vec<FileJob>>, StoreError> {
        self.database
            .read(move |transaction| {
                if rows::find_conversation(transaction, user_id, id)?.is_none() {
                    return Ok(None);
                }
                job::newest(transaction, id, limit).map(Some)
            })
            .await
    }

    async fn find_job_by_analysis(
        &self,
        user_id: UserId,
        id: ConversationId,
        message_ids: Vec<MessageId>,
    ) -> Result<Option<FileJob>, StoreError> {
        self.database
            .read(move |transaction| job::find_of_analysis(transaction, user_id, id, &message_ids))
            .await
    }

    async fn lease_job(
        &self,
        run_id: RunId,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<LeasedJob>, StoreError> {
        // Usually no job is available: don't use the writer then.
        let available =
            self.database.read(move |transaction| lease::find_available(transaction, now)).await?;
        if available.is_none() {
            return Ok(None);
        }
        self.database.write(move |transaction| lease::take(transaction, run_id, now, until)).await
    }

    async fn renew_job_lease(
        &self,
        job_id: JobId,
        run_id: RunId,
        until: Timestamp,
    ) -> Result<bool, StoreError> {
        self.database
            .write(move |transaction| lease::renew(transaction, job_id, run_id, until))
            .await
    }

    async fn record_part(
        &self,
        job_id: JobId,
        run_id: RunId,
        part: u32,
        analysis: String,
    ) -> Result<Option<FileJob>, StoreError> {
        self.database
            .write(move |transaction| end::record(transaction, job_id, run_id, part, &analysis))
            .await
    }

    async fn complete_job(
        &self,
        job_id: JobId,
        run_id: RunId,
        append: Append,
        now: Timestamp,
    ) -> Result<CompleteJobOutcome, StoreError> {
        self.database
            .write(move |transaction| end::complete(transaction, job_id, run_id, append, now))
            .await
    }

    async fn fail_job(
        &self,
        job_id: JobId,
        run_id: RunId,
        error: Problem,
    ) -> Result<Option<FileJob>, StoreError> {
        self.database.write(move |transaction| end::fail(transaction, job_id, run_id, error)).await
    }

    async fn cancel_job(
        &self,
        user_id: UserId,
        id: ConversationId,
        job_id: JobId,
    ) -> Result<Option<FileJob>, StoreError> {
        self.database
            .write(move |transaction| {
                end::change_owned(transaction, user_id, id, job_id, |job, _| rules::cancel_job(job))
            })
            .await
    }

    async fn rerun_job(
        &self,
        user_id: UserId,
        id: ConversationId,
        job_id: JobId,
        instructions: Option<FileInstructions>,
    ) -> Result<Option<FileJob>, StoreError> {
        self.database
            .write(move |transaction| {
                end::change_owned(transaction, user_id, id, job_id, |job, has_text| {
                    rules::rerun_job(job, has_text, instructions.as_ref())
                })
            })
            .await
    }
}
