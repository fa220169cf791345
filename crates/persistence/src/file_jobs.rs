use std::collections::BTreeMap;

use async_trait::async_trait;
use webchat_domain::{
    Conversation, ConversationId, FileJob, JobId, Message, Problem, RunId, Timestamp, UserId,
};

use crate::{Append, StoreError};

/// Where files are kept while they are analysed, and how far that is.
///
/// A job that runs is held by one run at a time, until its lease lapses: then whoever asks for work
/// takes it, with all that was recorded. A new job is held by nobody. What a run says counts for as
/// long as it holds its job, and changes nothing when it does no more.
///
/// Durability and cancellation are those of [`Conversations`](crate::Conversations). A conversation
/// that is reset or deleted loses its jobs with its messages.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait FileJobs: Send + Sync {
    /// Keeps a new job and its text, unless the conversation has a job of this id. Where the owner has as many jobs as may be kept, the oldest of
    /// those that failed are cancelled. Of jobs that are created at the same moment, some more may
    /// come to be kept.
    async fn create_job(
        &self,
        user_id: UserId,
        new: NewFileJob,
    ) -> Result<CreateJobOutcome, StoreError>;

    /// The job, if it is of this conversation of `user_id`'s.
    async fn find_job(
        &self,
        user_id: UserId,
        id: ConversationId,
        job_id: JobId,
    ) -> Result<Option<FileJob>, StoreError>;

    /// The newest jobs of a conversation, newest first, at most `limit`. `None`: `user_id` has no such
    /// conversation.
    async fn jobs(
        &self,
        user_id: UserId,
        id: ConversationId,
        limit: u32,
    ) -> Result<Option<Vec<FileJob>>, StoreError>;

    /// Takes the oldest job that should run and that nobody holds at `now`, until `until`.
    async fn take_job(
        &self,
        run_id: RunId,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<TakenJob>, StoreError>;

    /// Holds it until another moment. `false`: the run holds it no more.
    async fn renew_job(
        &self,
        job_id: JobId,
        run_id: RunId,
        until: Timestamp,
    ) -> Result<bool, StoreError>;

    /// Keeps the analysis of one part; parts are counted from 0. The job as it is then; `None`: the
    /// run holds it no more.
    async fn record_part(
        &self,
        job_id: JobId,
        run_id: RunId,
        part: u32,
        analysis: String,
    ) -> Result<Option<FileJob>, StoreError>;

    /// Appends the messages to the job's conversation, the last of which is the analysis, and ends the
    /// job as complete: both or nothing. Its text goes. `None`: the run holds it no more.
    async fn complete_job(
        &self,
        job_id: JobId,
        run_id: RunId,
        append: Append,
        now: Timestamp,
    ) -> Result<Option<CompletedJob>, StoreError>;

    /// Ends it as failed; what was recorded stays. `None`: the run holds it no more.
    async fn fail_job(
        &self,
        job_id: JobId,
        run_id: RunId,
        error: Problem,
    ) -> Result<Option<FileJob>, StoreError>;

    /// Ends a job that runs or has failed as cancelled; its text goes. The job as it is then, which
    /// is as it was if it had ended otherwise. `None`: `user_id` has no such job there.
    async fn cancel_job(
        &self,
        user_id: UserId,
        id: ConversationId,
        job_id: JobId,
    ) -> Result<Option<FileJob>, StoreError>;

    /// Lets a job that has failed run again, for what is missing. Of a job that has not, nothing
    /// changes. The job as it is then. `None`: `user_id` has no such job there.
    async fn retry_job(
        &self,
        user_id: UserId,
        id: ConversationId,
        job_id: JobId,
    ) -> Result<Option<FileJob>, StoreError>;
}

/// A job to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewFileJob {
    /// The job, running, with nothing done.
    pub job: FileJob,
    /// The file.
    pub text: String,
    /// Where each part of the text ends, in bytes; the last one at its end.
    pub part_ends: Vec<u64>,
    /// How many jobs of one owner may be kept with their texts: those that run, and those that have
    /// failed.
    pub max_kept: u32,
}

/// What became of a new job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CreateJobOutcome {
    /// It is kept.
    Created,
    /// It was there before: as it is now.
    Duplicate(FileJob),
    /// As many of the owner's run as may be kept.
    TooMany,
    /// The owner has no such conversation.
    NotFound,
}

/// A job and all that is needed to go on with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TakenJob {
    /// Whose it is.
    pub user_id: UserId,
    /// The job.
    pub job: FileJob,
    /// The file, and what was recorded of it.
    pub text: FileText,
}

/// A file that is analysed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileText {
    /// What is in it.
    pub content: String,
    /// Where each of its parts ends, in bytes.
    pub part_ends: Vec<u64>,
    /// The analyses that were recorded, by their part.
    pub analyses: BTreeMap<u32, String>,
}

/// A job whose analysis has become part of its conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompletedJob {
    /// The job as it is now.
    pub job: FileJob,
    /// The conversation as it is now.
    pub conversation: Conversation,
    /// The messages as they are stored.
    pub messages: Vec<Message>,
}
