use std::collections::BTreeMap;

use async_trait::async_trait;
use futures_util::{FutureExt, TryStreamExt};
use mongodb::bson::{DateTime, Document, doc, serialize_to_document};
use mongodb::error::{Error, Result as MongoResult};
use mongodb::options::ReturnDocument;
use webchat_domain::{
    ConversationId, FileJob, JobId, JobStatus, Problem, RunId, Timestamp, UserId,
};
use webchat_persistence::{
    Append, AppendOutcome, CompletedJob, CreateJobOutcome, FileJobs, FileText, NewFileJob,
    StoreError, StoredFileJob, TakenJob, rules,
};

use crate::database::Transaction;
use crate::documents::date;
use crate::file_documents::{AnalysisDocument, JobDocument, TextDocument};
use crate::queries::{at_most, owned};
use crate::{MongoStore, append};

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

    async fn find_job(
        &self,
        user_id: UserId,
        id: ConversationId,
        job_id: JobId,
    ) -> Result<Option<FileJob>, StoreError> {
        let jobs = self.database.file_jobs();
        let found = self.database.answer(jobs.find_one(owned_job(user_id, id, job_id))).await?;
        Ok(found.map(FileJob::from))
    }

    async fn jobs(
        &self,
        user_id: UserId,
        id: ConversationId,
        limit: u32,
    ) -> Result<Option<Vec<FileJob>>, StoreError> {
        let jobs = self.database.file_jobs();
        let of_conversation = doc! { "conversation_id": id.to_string() };
        let find = jobs.find(of_conversation).sort(doc! { "created_at": -1, "job_id": -1 });
        let found = self.database.answer(at_most(limit, find)).await?;
        let conversations = self.database.conversations();
        let conversation = conversations.count_documents(owned(user_id, id));
        if self.database.answer(conversation).await? == 0 {
            return Ok(None);
        }
        Ok(Some(found.into_iter().map(FileJob::from).collect()))
    }

    async fn take_job(
        &self,
        run_id: RunId,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<TakenJob>, StoreError> {
        // Mostly there is none: then there is no transaction, either.
        let jobs = self.database.file_jobs();
        if self.database.answer(jobs.find_one(waiting(now))).await?.is_none() {
            return Ok(None);
        }
        self.database
            .transaction((), move |transaction, ()| take(transaction, run_id, now, until).boxed())
            .await
    }

    async fn renew_job(
        &self,
        job_id: JobId,
        run_id: RunId,
        until: Timestamp,
    ) -> Result<bool, StoreError> {
        let renewed = doc! { "$set": { "lease_until": date(until) } };
        let jobs = self.database.file_jobs();
        let update = self.database.answer(jobs.update_one(held(job_id, run_id), renewed)).await?;
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
                record(transaction, job_id, run_id, part, analysis).boxed()
            })
            .await
    }

    async fn complete_job(
        &self,
        job_id: JobId,
        run_id: RunId,
        append: Append,
        now: Timestamp,
    ) -> Result<Option<CompletedJob>, StoreError> {
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
        let mut failed = ended(JobStatus::Failed);
        let error = serialize_to_document(&error).map_err(StoreError::fault)?;
        failed.insert("error", error);
        let jobs = self.database.file_jobs();
        let update = jobs
            .find_one_and_update(held(job_id, run_id), doc! { "$set": failed })
            .return_document(ReturnDocument::After);
        Ok(self.database.answer(update).await?.map(FileJob::from))
    }

    async fn cancel_job(
        &self,
        user_id: UserId,
        id: ConversationId,
        job_id: JobId,
    ) -> Result<Option<FileJob>, StoreError> {
        let job = owned_job(user_id, id, job_id);
        self.database
            .transaction(job, move |mut transaction, job| {
                async move { cancel(&mut transaction, job).await }.boxed()
            })
            .await?;
        self.find_job(user_id, id, job_id).await
    }

    async fn retry_job(
        &self,
        user_id: UserId,
        id: ConversationId,
        job_id: JobId,
    ) -> Result<Option<FileJob>, StoreError> {
        let mut failed = owned_job(user_id, id, job_id);
        failed.insert("status", status_name(rules::RETRYABLE));
        let running = doc! { "$set": { "status": "running", "error": Option::<Document>::None } };
        let jobs = self.database.file_jobs();
        self.database.answer(jobs.update_one(failed, running)).await?;
        self.find_job(user_id, id, job_id).await
    }
}

/// Takes away the jobs of a conversation that is deleted or emptied.
pub(crate) async fn remove_all(
    transaction: &mut Transaction<'_>,
    id: ConversationId,
) -> MongoResult<()> {
    let of_conversation = doc! { "conversation_id": id.to_string() };
    let jobs = transaction.database.file_jobs();
    let removed = jobs.delete_many(of_conversation.clone()).session(&mut *transaction.session);
    if removed.await?.deleted_count > 0 {
        remove_texts(transaction, of_conversation).await?;
    }
    Ok(())
}

async fn create(
    mut transaction: Transaction<'_>,
    user_id: UserId,
    new: &NewFileJob,
) -> MongoResult<CreateJobOutcome> {
    let job = &new.job;
    // Written, so that a conversation that is deleted at the same moment leaves no job behind.
    let touched = doc! { "$set": { "updated_at": date(job.created_at) } };
    let conversations = transaction.database.conversations();
    let found = conversations
        .update_one(owned(user_id, job.conversation_id), touched)
        .session(&mut *transaction.session)
        .await?;
    if found.matched_count == 0 {
        return Ok(CreateJobOutcome::NotFound);
    }
    let known = owned_job(user_id, job.conversation_id, job.job_id);
    let jobs = transaction.database.file_jobs();
    if let Some(known) = jobs.find_one(known).session(&mut *transaction.session).await? {
        return Ok(CreateJobOutcome::Duplicate(known.into()));
    }
    if !make_room(&mut transaction, user_id, new.max_kept).await? {
        // Nothing was written but the time of the conversation, as somebody has used it.
        return Ok(CreateJobOutcome::TooMany);
    }
    let text = FileText {
        content: new.text.clone(),
        part_ends: new.part_ends.clone(),
        analyses: BTreeMap::new(),
    };
    let stored = StoredFileJob { user_id, job: job.clone(), text: Some(text) };
    insert(transaction, stored).await?;
    Ok(CreateJobOutcome::Created)
}

/// A job that nobody holds, with all there is of it.
async fn insert(transaction: Transaction<'_>, stored: StoredFileJob) -> MongoResult<()> {
    let Transaction { database, session } = transaction;
    let StoredFileJob { user_id, job, text } = stored;
    let (job_id, conversation_id) = (job.job_id, job.conversation_id);
    let document = JobDocument::new(user_id, job);
    database.file_jobs().insert_one(document).session(&mut *session).await?;
    let Some(FileText { content, part_ends, analyses }) = text else { return Ok(()) };
    let text = TextDocument { job_id, conversation_id, content, part_ends };
    database.file_texts().insert_one(text).session(&mut *session).await?;
    let analyses: Vec<_> = analyses
        .into_iter()
        .map(|(part, content)| AnalysisDocument { job_id, conversation_id, part, content })
        .collect();
    if !analyses.is_empty() {
        database.file_analyses().insert_many(analyses).session(session).await?;
    }
    Ok(())
}

/// Stores the job as it is, in place of one with its id.
pub(crate) async fn put(
    mut transaction: Transaction<'_>,
    stored: &StoredFileJob,
) -> MongoResult<()> {
    let of_job = doc! { "job_id": stored.job.job_id.to_string() };
    let jobs = transaction.database.file_jobs();
    jobs.delete_many(of_job.clone()).session(&mut *transaction.session).await?;
    remove_texts(&mut transaction, of_job).await?;
    insert(transaction, stored.clone()).await
}

/// All there is of a job.
pub(crate) async fn stored(
    transaction: Transaction<'_>,
    job: &JobDocument,
) -> MongoResult<StoredFileJob> {
    let text = text(transaction, job.job_id).await?;
    Ok(StoredFileJob { user_id: job.user_id, job: job.clone().into(), text })
}

async fn text(transaction: Transaction<'_>, job_id: JobId) -> MongoResult<Option<FileText>> {
    let Transaction { database, session } = transaction;
    let of_job = doc! { "job_id": job_id.to_string() };
    let text = database.file_texts().find_one(of_job.clone()).session(&mut *session).await?;
    let Some(TextDocument { content, part_ends, .. }) = text else { return Ok(None) };
    let mut found = database.file_analyses().find(of_job).session(&mut *session).await?;
    let analyses: BTreeMap<u32, String> =
        found.stream(session).map_ok(|one| (one.part, one.content)).try_collect().await?;
    Ok(Some(FileText { content, part_ends, analyses }))
}

/// Cancels the oldest of the failed jobs, if need be. `false`: there are as many that run.
async fn make_room(
    transaction: &mut Transaction<'_>,
    user_id: UserId,
    max_kept: u32,
) -> MongoResult<bool> {
    let jobs = transaction.database.file_jobs();
    let running = jobs
        .count_documents(doc! { "user_id": user_id.to_string(), "status": "running" })
        .session(&mut *transaction.session)
        .await?;
    let Some(kept) = rules::failed_jobs_to_keep(running, max_kept) else { return Ok(false) };
    let mut failed = jobs
        .find(doc! { "user_id": user_id.to_string(), "status": "failed" })
        .sort(doc! { "created_at": -1, "job_id": -1 })
        .skip(kept)
        .session(&mut *transaction.session)
        .await?;
    let superfluous: Vec<JobDocument> = failed.stream(transaction.session).try_collect().await?;
    for job in superfluous {
        cancel(transaction, &doc! { "job_id": job.job_id.to_string() }).await?;
    }
    Ok(true)
}

async fn take(
    transaction: Transaction<'_>,
    run_id: RunId,
    now: Timestamp,
    until: Timestamp,
) -> MongoResult<Option<TakenJob>> {
    let Transaction { database, session } = transaction;
    let taken = doc! { "$set": { "run_id": run_id.to_string(), "lease_until": date(until) } };
    let job = database
        .file_jobs()
        .find_one_and_update(waiting(now), taken)
        .sort(doc! { "created_at": 1 })
        .session(&mut *session)
        .await?;
    let Some(job) = job else { return Ok(None) };
    let text = text(Transaction { database, session }, job.job_id).await?;
    let text = text.ok_or_else(|| Error::custom("a job that runs has no text"))?;
    Ok(Some(TakenJob { user_id: job.user_id, job: job.into(), text }))
}

async fn record(
    transaction: Transaction<'_>,
    job_id: JobId,
    run_id: RunId,
    part: u32,
    text: &str,
) -> MongoResult<Option<FileJob>> {
    let Transaction { database, session } = transaction;
    let jobs = database.file_jobs();
    let Some(job) = jobs.find_one(held(job_id, run_id)).session(&mut *session).await? else {
        return Ok(None);
    };
    let analyses = database.file_analyses();
    let this_part = doc! { "job_id": job_id.to_string(), "part": i64::from(part) };
    let known = analyses.find_one(this_part).session(&mut *session).await?;
    if known.is_some() {
        return Ok(Some(job.into()));
    }
    let recorded = AnalysisDocument {
        job_id,
        conversation_id: job.conversation_id,
        part,
        content: text.to_owned(),
    };
    analyses.insert_one(recorded).session(&mut *session).await?;
    let counted = jobs
        .find_one_and_update(held(job_id, run_id), doc! { "$inc": { "done": 1_i64 } })
        .return_document(ReturnDocument::After)
        .session(session)
        .await?;
    Ok(counted.map(FileJob::from))
}

async fn complete(
    mut transaction: Transaction<'_>,
    job_id: JobId,
    run_id: RunId,
    append: &Append,
    now: Timestamp,
) -> MongoResult<Option<CompletedJob>> {
    let mut complete = ended(JobStatus::Complete);
    complete.insert("message_id", append.messages.last().map(|last| last.message_id.to_string()));
    let jobs = transaction.database.file_jobs();
    let job = jobs
        .find_one_and_update(held(job_id, run_id), doc! { "$set": complete })
        .return_document(ReturnDocument::After)
        .session(&mut *transaction.session)
        .await?;
    let Some(job) = job else { return Ok(None) };
    remove_texts(&mut transaction, doc! { "job_id": job_id.to_string() }).await?;
    let (user_id, id) = (job.user_id, job.conversation_id);
    let appended = append::append(transaction, user_id, id, append, now).await?;
    let AppendOutcome::Stored { conversation, messages } = appended else {
        return Err(Error::custom("the messages of a file could not be appended"));
    };
    Ok(Some(CompletedJob { job: job.into(), conversation, messages }))
}

/// Cancels it if it runs or has failed.
async fn cancel(transaction: &mut Transaction<'_>, job: &Document) -> MongoResult<()> {
    let mut cancellable = job.clone();
    let statuses = rules::CANCELLABLE.map(status_name).to_vec();
    cancellable.insert("status", doc! { "$in": statuses });
    let jobs = transaction.database.file_jobs();
    let cancelled = jobs
        .find_one_and_update(cancellable, doc! { "$set": ended(JobStatus::Cancelled) })
        .session(&mut *transaction.session)
        .await?;
    match cancelled {
        Some(job) => remove_texts(transaction, doc! { "job_id": job.job_id.to_string() }).await,
        None => Ok(()),
    }
}

async fn remove_texts(transaction: &mut Transaction<'_>, of: Document) -> MongoResult<()> {
    let texts = transaction.database.file_texts();
    texts.delete_many(of.clone()).session(&mut *transaction.session).await?;
    let analyses = transaction.database.file_analyses();
    analyses.delete_many(of).session(&mut *transaction.session).await?;
    Ok(())
}

fn owned_job(user_id: UserId, id: ConversationId, job_id: JobId) -> Document {
    doc! {
        "job_id": job_id.to_string(),
        "conversation_id": id.to_string(),
        "user_id": user_id.to_string(),
    }
}

fn held(job_id: JobId, run_id: RunId) -> Document {
    doc! { "job_id": job_id.to_string(), "run_id": run_id.to_string() }
}

/// Nobody holds it.
fn waiting(now: Timestamp) -> Document {
    let never = doc! { "lease_until": Option::<DateTime>::None };
    let lapsed = doc! { "lease_until": { "$lte": date(now) } };
    doc! { "status": "running", "$or": [never, lapsed] }
}

/// Nobody holds it any more.
fn ended(status: JobStatus) -> Document {
    doc! {
        "status": status_name(status),
        "run_id": Option::<String>::None,
        "lease_until": Option::<DateTime>::None,
    }
}

fn status_name(status: JobStatus) -> &'static str {
    match status {
        JobStatus::Running => "running",
        JobStatus::Complete => "complete",
        JobStatus::Failed => "failed",
        JobStatus::Cancelled => "cancelled",
    }
}
