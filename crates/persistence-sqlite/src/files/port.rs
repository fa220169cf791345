use async_trait::async_trait;
use rusqlite::{OptionalExtension, Transaction, params};
use webchat_domain::{
    ConversationId, FileJob, JobId, JobStatus, Problem, RunId, Timestamp, UserId,
};
use webchat_persistence::{
    Append, AppendOutcome, CompletedJob, CreateJobOutcome, FileJobs, NewFileJob, StoreError,
    TakenJob,
};

use crate::file_rows::{JOB, insert, insert_analysis, insert_text, job, status_name, text};
use crate::rows::{self, broken};
use crate::{SqliteStore, append};

#[async_trait]
impl FileJobs for SqliteStore {
    async fn create_job(
        &self,
        user_id: UserId,
        new: NewFileJob,
    ) -> Result<CreateJobOutcome, StoreError> {
        self.database.write(move |transaction| create(transaction, user_id, &new)).await
    }

    async fn find_job(
        &self,
        user_id: UserId,
        id: ConversationId,
        job_id: JobId,
    ) -> Result<Option<FileJob>, StoreError> {
        self.database.read(move |transaction| find_owned(transaction, user_id, id, job_id)).await
    }

    async fn jobs(
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
                newest(transaction, id, limit).map(Some)
            })
            .await
    }

    async fn take_job(
        &self,
        run_id: RunId,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<TakenJob>, StoreError> {
        // Mostly there is none: then no writer is held up.
        let any = self.database.read(move |transaction| waiting(transaction, now)).await?;
        if any.is_none() {
            return Ok(None);
        }
        self.database
            .write(move |transaction| {
                let Some(job_id) = waiting(transaction, now)? else { return Ok(None) };
                transaction.execute(
                    "UPDATE file_jobs SET run_id = ?2, lease_until = ?3 WHERE job_id = ?1",
                    params![job_id.to_simple(), run_id.to_simple(), until.unix_millis()],
                )?;
                work(transaction, job_id).map(Some)
            })
            .await
    }

    async fn renew_job(
        &self,
        job_id: JobId,
        run_id: RunId,
        until: Timestamp,
    ) -> Result<bool, StoreError> {
        self.database
            .write(move |transaction| {
                let renewed = transaction.execute(
                    "UPDATE file_jobs SET lease_until = ?3 WHERE job_id = ?1 AND run_id = ?2",
                    params![job_id.to_simple(), run_id.to_simple(), until.unix_millis()],
                )?;
                Ok(renewed > 0)
            })
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
            .write(move |transaction| {
                if find_held(transaction, job_id, run_id)?.is_none() {
                    return Ok(None);
                }
                let added = insert_analysis(transaction, job_id, part, &analysis)?;
                transaction.execute(
                    "UPDATE file_jobs SET done = done + ?2 WHERE job_id = ?1",
                    params![job_id.to_simple(), added],
                )?;
                find(transaction, job_id)
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
            .write(move |transaction| complete(transaction, job_id, run_id, append, now))
            .await
    }

    async fn fail_job(
        &self,
        job_id: JobId,
        run_id: RunId,
        error: Problem,
    ) -> Result<Option<FileJob>, StoreError> {
        self.database
            .write(move |transaction| {
                if find_held(transaction, job_id, run_id)?.is_none() {
                    return Ok(None);
                }
                end(transaction, job_id, JobStatus::Failed)?;
                transaction.execute(
                    "UPDATE file_jobs SET error_message = ?2, error_code = ?3 WHERE job_id = ?1",
                    params![job_id.to_simple(), error.message, error.code],
                )?;
                find(transaction, job_id)
            })
            .await
    }

    async fn cancel_job(
        &self,
        user_id: UserId,
        id: ConversationId,
        job_id: JobId,
    ) -> Result<Option<FileJob>, StoreError> {
        self.database
            .write(move |transaction| {
                let Some(job) = find_owned(transaction, user_id, id, job_id)? else {
                    return Ok(None);
                };
                if matches!(job.status, JobStatus::Running | JobStatus::Failed) {
                    cancel(transaction, job_id)?;
                }
                find(transaction, job_id)
            })
            .await
    }

    async fn retry_job(
        &self,
        user_id: UserId,
        id: ConversationId,
        job_id: JobId,
    ) -> Result<Option<FileJob>, StoreError> {
        self.database
            .write(move |transaction| {
                transaction.execute(
                    "UPDATE file_jobs
                     SET status = 'running', error_message = NULL, error_code = NULL
                     WHERE job_id = ?1 AND conversation_id = ?2 AND user_id = ?3
                         AND status = 'failed'",
                    [job_id.to_simple(), id.to_simple(), user_id.to_simple()],
                )?;
                find_owned(transaction, user_id, id, job_id)
            })
            .await
    }
}

/// A conversation that is deleted takes its jobs along by itself; one that is reset does not.
pub(crate) fn remove_all(
    transaction: &Transaction<'_>,
    id: ConversationId,
) -> rusqlite::Result<usize> {
    transaction.execute("DELETE FROM file_jobs WHERE conversation_id = ?1", [id.to_simple()])
}

fn create(
    transaction: &Transaction<'_>,
    user_id: UserId,
    new: &NewFileJob,
) -> rusqlite::Result<CreateJobOutcome> {
    let job = &new.job;
    if rows::find_conversation(transaction, user_id, job.conversation_id)?.is_none() {
        return Ok(CreateJobOutcome::NotFound);
    }
    if let Some(known) = find_owned(transaction, user_id, job.conversation_id, job.job_id)? {
        return Ok(CreateJobOutcome::Duplicate(known));
    }
    if !make_room(transaction, user_id, new.most_kept)? {
        return Ok(CreateJobOutcome::TooMany);
    }
    transaction.execute(
        "UPDATE conversations SET updated_at = ?2 WHERE conversation_id = ?1",
        params![job.conversation_id.to_simple(), job.created_at.unix_millis()],
    )?;
    insert(transaction, user_id, job)?;
    insert_text(transaction, job.job_id, &new.text, &new.part_ends)?;
    Ok(CreateJobOutcome::Created)
}

/// Cancels the oldest of the failed jobs, if need be. `false`: there are as many that run.
fn make_room(
    transaction: &Transaction<'_>,
    user_id: UserId,
    most_kept: u32,
) -> rusqlite::Result<bool> {
    let most_others = most_kept.saturating_sub(1);
    let running: u32 = transaction.query_row(
        "SELECT count(*) FROM file_jobs WHERE user_id = ?1 AND status = 'running'",
        [user_id.to_simple()],
        |row| row.get(0),
    )?;
    if running > most_others {
        return Ok(false);
    }
    let superfluous: Vec<JobId> = transaction
        .prepare(
            "SELECT job_id FROM file_jobs WHERE user_id = ?1 AND status = 'failed'
             ORDER BY created_at DESC, job_id DESC LIMIT -1 OFFSET ?2",
        )?
        .query_map(params![user_id.to_simple(), most_others - running], |row| {
            rows::parsed(row, "job_id")
        })?
        .collect::<Result<_, _>>()?;
    for job_id in superfluous {
        cancel(transaction, job_id)?;
    }
    Ok(true)
}

fn waiting(transaction: &Transaction<'_>, now: Timestamp) -> rusqlite::Result<Option<JobId>> {
    transaction
        .prepare_cached(
            "SELECT job_id FROM file_jobs
             WHERE status = 'running' AND coalesce(lease_until <= ?1, TRUE)
             ORDER BY created_at LIMIT 1",
        )?
        .query_row([now.unix_millis()], |row| rows::parsed(row, "job_id"))
        .optional()
}

fn work(transaction: &Transaction<'_>, job_id: JobId) -> rusqlite::Result<TakenJob> {
    let text = text(transaction, job_id)?.ok_or_else(|| broken("a job that runs has no text"))?;
    transaction
        .prepare_cached(&format!("SELECT user_id, {JOB} FROM file_jobs WHERE job_id = ?1"))?
        .query_row([job_id.to_simple()], |row| {
            Ok(TakenJob { user_id: rows::parsed(row, "user_id")?, job: job(row)?, text })
        })
}

fn complete(
    transaction: &Transaction<'_>,
    job_id: JobId,
    run_id: RunId,
    append: Append,
    now: Timestamp,
) -> rusqlite::Result<Option<CompletedJob>> {
    let Some((user_id, job)) = find_held(transaction, job_id, run_id)? else { return Ok(None) };
    let appended = append::append(transaction, user_id, job.conversation_id, append, now)?;
    let AppendOutcome::Stored { conversation, messages } = appended else {
        return Err(broken("the messages of a file could not be appended"));
    };
    end(transaction, job_id, JobStatus::Complete)?;
    remove_text(transaction, job_id)?;
    transaction.execute(
        "UPDATE file_jobs SET message_id = ?2 WHERE job_id = ?1",
        params![job_id.to_simple(), messages.last().map(|last| last.message_id.to_simple())],
    )?;
    let job = find(transaction, job_id)?;
    Ok(job.map(|job| CompletedJob { job, conversation, messages }))
}

fn cancel(transaction: &Transaction<'_>, job_id: JobId) -> rusqlite::Result<()> {
    end(transaction, job_id, JobStatus::Cancelled)?;
    remove_text(transaction, job_id)
}

/// Nobody holds it any more.
fn end(transaction: &Transaction<'_>, job_id: JobId, status: JobStatus) -> rusqlite::Result<()> {
    transaction.execute(
        "UPDATE file_jobs SET status = ?2, run_id = NULL, lease_until = NULL WHERE job_id = ?1",
        [job_id.to_simple().as_str(), status_name(status)],
    )?;
    Ok(())
}

fn remove_text(transaction: &Transaction<'_>, job_id: JobId) -> rusqlite::Result<()> {
    transaction.execute("DELETE FROM file_texts WHERE job_id = ?1", [job_id.to_simple()])?;
    Ok(())
}

fn newest(
    transaction: &Transaction<'_>,
    id: ConversationId,
    limit: u32,
) -> rusqlite::Result<Vec<FileJob>> {
    transaction
        .prepare_cached(&format!(
            "SELECT {JOB} FROM file_jobs WHERE conversation_id = ?1
             ORDER BY created_at DESC, job_id DESC LIMIT ?2"
        ))?
        .query_map(params![id.to_simple(), limit], job)?
        .collect()
}

fn find(transaction: &Transaction<'_>, job_id: JobId) -> rusqlite::Result<Option<FileJob>> {
    transaction
        .prepare_cached(&format!("SELECT {JOB} FROM file_jobs WHERE job_id = ?1"))?
        .query_row([job_id.to_simple()], job)
        .optional()
}

fn find_owned(
    transaction: &Transaction<'_>,
    user_id: UserId,
    id: ConversationId,
    job_id: JobId,
) -> rusqlite::Result<Option<FileJob>> {
    transaction
        .prepare_cached(&format!(
            "SELECT {JOB} FROM file_jobs
             WHERE job_id = ?1 AND conversation_id = ?2 AND user_id = ?3"
        ))?
        .query_row([job_id.to_simple(), id.to_simple(), user_id.to_simple()], job)
        .optional()
}

fn find_held(
    transaction: &Transaction<'_>,
    job_id: JobId,
    run_id: RunId,
) -> rusqlite::Result<Option<(UserId, FileJob)>> {
    transaction
        .prepare_cached(&format!(
            "SELECT user_id, {JOB} FROM file_jobs WHERE job_id = ?1 AND run_id = ?2"
        ))?
        .query_row([job_id.to_simple(), run_id.to_simple()], |row| {
            Ok((rows::parsed(row, "user_id")?, job(row)?))
        })
        .optional()
}
