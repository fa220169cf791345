//! Implements [`FileJobs`].

use async_trait::async_trait;
use futures_util::FutureExt;
use mongodb::bson::doc;
use webchat_domain::{
    ConversationId, FileInstructions, FileJob, JobId, MessageId, Problem, RunId, Timestamp, UserId,
};
use webchat_persistence::{
    Append, CompleteJobOutcome, CreateJobOutcome, FileJobs, LeasedJob, NewFileJob, StoreError,
    rules,
};

use super::create::create;
use super::filters::{available, job_by_analysis, job_by_owner, leased_by, running_jobs};
use super::work::{change, complete, fail, record_part, take};
use crate::database::READ_TIME;
use crate::documents::date;
use crate::queries::{at_most, by_owner};
use crate::store::MongoStore;

#[async_trait]
impl FileJobs for MongoStore {
    async fn create_job(
        &self,
        user_id: UserId,
        new: NewFileJob,
    ) -> Result<CreateJobOutcome, StoreError> {
        self.database
            .transaction(new, move |transaction, new| create(transaction, user_id, new).boxed())
            .await
    }

    async fn count_running_jobs(&self, user_id: UserId) -> Result<u64, StoreError> {
        let jobs = self.database.file_jobs();
        self.database.run(jobs.count_documents(running_jobs(user_id)).max_time(READ_TIME)).await
    }

    async fn find_job(
        &self,
        user_id: UserId,
        id: ConversationId,
        job_id: JobId,
    ) -> Result<Option<FileJob>, StoreError> {
        let jobs = self.database.file_jobs();
        let found = self
            .database
            .run(jobs.find_one(job_by_owner(user_id, id, job_id)).max_time(READ_TIME))
            .await?;
        Ok(found.map(FileJob::from))
    }

    async fn list_jobs(
        &self,
        user_id: UserId,
        id: ConversationId,
        limit: u32,
    ) -> Result<Option<Vec<FileJob>>, StoreError> {
        let jobs = self.database.file_jobs();
        let of_conversation = doc! { "conversation_id": id.to_string() };
        let find = jobs.find(of_conversation).sort(doc! { "created_at": -1, "job_id": -1 });
        let found = self.database.run(at_most(limit, find)).await?;
        let conversations = self.database.conversations();
        let conversation = conversations.count_documents(by_owner(user_id, id)).max_time(READ_TIME);
        if self.database.run(conversation).await? == 0 {
            return Ok(None);
        }
        Ok(Some(found.into_iter().map(FileJob::from).collect()))
    }

    async fn find_job_by_analysis(
        &self,
        user_id: UserId,
        id: ConversationId,
        message_ids: Vec<MessageId>,
    ) -> Result<Option<FileJob>, StoreError> {
        let jobs = self.database.file_jobs();
        let filter = job_by_analysis(user_id, id, &message_ids);
        let found = self.database.run(jobs.find_one(filter).max_time(READ_TIME)).await?;
        Ok(found.map(FileJob::from))
    }

    async fn lease_job(
        &self,
        run_id: RunId,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<LeasedJob>, StoreError> {
        // Usually no job is available: avoid the transaction then.
        let jobs = self.database.file_jobs();
        if self.database.run(jobs.find_one(available(now)).max_time(READ_TIME)).await?.is_none() {
            return Ok(None);
        }
        self.database
            .transaction((), move |transaction, ()| take(transaction, run_id, now, until).boxed())
            .await
    }

    async fn renew_job_lease(
        &self,
        job_id: JobId,
        run_id: RunId,
        until: Timestamp,
    ) -> Result<bool, StoreError> {
        let renewed = doc! { "$set": { "lease_until": date(until) } };
        let jobs = self.database.file_jobs();
        let update = self.database.run(jobs.update_one(leased_by(job_id, run_id), renewed)).await?;
        Ok(update.matched_count > 0)
    }

    async fn record_part(
        &self,
        job_id: JobId,
        run_id: RunId,
        part: u32,
        analysis: String,
    ) -> Result<Option<FileJob>, StoreError> {
        self.database
            .transaction(analysis, move |transaction, analysis| {
                record_part(transaction, job_id, run_id, part, analysis).boxed()
            })
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
            .transaction(append, move |transaction, append| {
                complete(transaction, job_id, run_id, append, now).boxed()
            })
            .await
    }

    async fn fail_job(
        &self,
        job_id: JobId,
        run_id: RunId,
        error: Problem,
    ) -> Result<Option<FileJob>, StoreError> {
        self.database
            .transaction(error, move |transaction, error| {
                fail(transaction, job_id, run_id, error).boxed()
            })
            .await
    }

    async fn cancel_job(
        &self,
        user_id: UserId,
        id: ConversationId,
        job_id: JobId,
    ) -> Result<Option<FileJob>, StoreError> {
        let job = job_by_owner(user_id, id, job_id);
        self.database
            .transaction(job, |transaction, job| {
                change(transaction, job, |job, _| rules::cancel_job(job)).boxed()
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
        let job = job_by_owner(user_id, id, job_id);
        self.database
            .transaction((job, instructions), |transaction, (job, instructions)| {
                let instructions = instructions.as_ref();
                change(transaction, job, move |job, has_text| {
                    rules::rerun_job(job, has_text, instructions)
                })
                .boxed()
            })
            .await
    }
}
