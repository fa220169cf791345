//! The steps of a run: leasing a job, recording its parts, ending it.

use mongodb::bson::{Document, doc};
use mongodb::error::{Error, Result as MongoResult};
use webchat_domain::{FileJob, JobId, Problem, RunId, Timestamp};
use webchat_persistence::{
    Append, AppendOutcome, CompleteJobOutcome, CompletedJob, LeasedJob, rules,
};

use super::change::update;
use super::filters::{available, leased_by};
use super::storage::{has_text, read_text};
use crate::conversations::append_messages;
use crate::database::{READ_TIME, Transaction};
use crate::documents::{AnalysisDocument, JobDocument, date};

/// Leases the oldest available job to this run.
pub(super) async fn take(
    transaction: Transaction<'_>,
    run_id: RunId,
    now: Timestamp,
    until: Timestamp,
) -> MongoResult<Option<LeasedJob>> {
    let Transaction { database, session } = transaction;
    let lease = doc! { "$set": { "run_id": run_id.to_string(), "lease_until": date(until) } };
    let job = database
        .file_jobs()
        .find_one_and_update(available(now), lease)
        .sort(doc! { "created_at": 1 })
        .session(&mut *session)
        .await?;
    let Some(job) = job else { return Ok(None) };
    let analysis = read_text(Transaction { database, session }, job.job_id).await?;
    let analysis = analysis.ok_or_else(|| Error::custom("a running file job has no text"))?;
    Ok(Some(LeasedJob { user_id: job.user_id, job: job.into(), analysis }))
}

/// Records the analysis of a part, unless it was recorded before.
pub(super) async fn record_part(
    mut transaction: Transaction<'_>,
    job_id: JobId,
    run_id: RunId,
    part: u32,
    text: &str,
) -> MongoResult<Option<FileJob>> {
    let found = find(&mut transaction, leased_by(job_id, run_id)).await?;
    let Some(job) = found.map(FileJob::from) else { return Ok(None) };
    let analyses = transaction.database.file_analyses();
    let this_part = doc! { "job_id": job_id.to_string(), "part": i64::from(part) };
    if analyses
        .find_one(this_part)
        .max_time(READ_TIME)
        .session(&mut *transaction.session)
        .await?
        .is_some()
    {
        return Ok(Some(job));
    }
    let conversation_id = job.conversation_id;
    let recorded = AnalysisDocument { job_id, conversation_id, part, content: text.to_owned() };
    analyses.insert_one(recorded).session(&mut *transaction.session).await?;
    let job = rules::record_part(job);
    update(&mut transaction, &job).await?;
    Ok(Some(job))
}

/// Appends the messages and completes the job.
pub(super) async fn complete(
    transaction: Transaction<'_>,
    job_id: JobId,
    run_id: RunId,
    append: &Append,
    now: Timestamp,
) -> MongoResult<CompleteJobOutcome> {
    let Transaction { database, session } = transaction;
    let leased = leased_by(job_id, run_id);
    let found = find(&mut Transaction { database, session: &mut *session }, leased).await?;
    let Some(job) = found else { return Ok(CompleteJobOutcome::LeaseLost) };
    let (user_id, id) = (job.user_id, job.conversation_id);
    let appending = Transaction { database, session: &mut *session };
    let (conversation, messages) =
        match append_messages(appending, user_id, id, append, now).await? {
            AppendOutcome::Stored { conversation, messages } => (conversation, messages),
            AppendOutcome::TurnInProgress => return Ok(CompleteJobOutcome::TurnInProgress),
            _ => return Err(Error::custom("failed to append the messages of a file job")),
        };
    let job = rules::complete_job(job.into(), &messages);
    update(&mut Transaction { database, session }, &job).await?;
    let completed = CompletedJob { job, conversation, messages };
    Ok(CompleteJobOutcome::Completed(Box::new(completed)))
}

/// Ends the job as failed.
pub(super) async fn fail(
    mut transaction: Transaction<'_>,
    job_id: JobId,
    run_id: RunId,
    error: &Problem,
) -> MongoResult<Option<FileJob>> {
    let found = find(&mut transaction, leased_by(job_id, run_id)).await?;
    let Some(job) = found.map(FileJob::from) else { return Ok(None) };
    let job = rules::fail_job(job, error.clone());
    update(&mut transaction, &job).await?;
    Ok(Some(job))
}

/// Changes a job by a rule, which returns `None` to leave the job unchanged. The second argument of the rule is whether
/// the job has a text.
pub(super) async fn change(
    mut transaction: Transaction<'_>,
    job: &Document,
    rule: impl Fn(&FileJob, bool) -> Option<FileJob>,
) -> MongoResult<Option<FileJob>> {
    let found = find(&mut transaction, job.clone()).await?;
    let Some(job) = found.map(FileJob::from) else { return Ok(None) };
    let has_text = has_text(&mut transaction, job.job_id).await?;
    let Some(changed) = rule(&job, has_text) else { return Ok(Some(job)) };
    update(&mut transaction, &changed).await?;
    Ok(Some(changed))
}

async fn find(
    transaction: &mut Transaction<'_>,
    job: Document,
) -> MongoResult<Option<JobDocument>> {
    let jobs = transaction.database.file_jobs();
    jobs.find_one(job).max_time(READ_TIME).session(&mut *transaction.session).await
}
