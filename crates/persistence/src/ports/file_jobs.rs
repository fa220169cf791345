//! The port of files and the jobs that analyse them.

use std::collections::BTreeMap;

use async_trait::async_trait;
use webchat_domain::{
    Conversation, ConversationId, FileInstructions, FileJob, JobId, Message, MessageId, Problem,
    RunId, Timestamp, UserId,
};

use crate::{Append, StoreError};

/// Stores files and the progress of their analysis. A file is kept with its conversation, so that it can be analysed
/// again, unless its analysis is cancelled.
///
/// A run is one execution of a job by one instance. A running job is waiting, as a new job is, or leased to one run at a
/// time. When the lease expires, the next run that asks for work takes over the job with all recorded analyses. A run
/// that has lost its lease can't change the job any more.
///
/// The guarantees on durability and dropped futures are those of [`Conversations`](crate::Conversations). Resetting or
/// deleting a conversation also removes its jobs.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait FileJobs: Send + Sync {
    /// Creates a job and stores its text, unless the conversation already has a job with this id. If the user has the
    /// maximum number of unfinished jobs, the oldest failed ones are cancelled. Concurrent calls may slightly exceed the
    /// maximum.
    async fn create_job(
        &self,
        user_id: UserId,
        new: NewFileJob,
    ) -> Result<CreateJobOutcome, StoreError>;

    /// Returns how many of the user's jobs are running, in all conversations.
    async fn count_running_jobs(&self, user_id: UserId) -> Result<u64, StoreError>;

    /// Returns a job, or `None` if the user has no such job in this conversation.
    async fn find_job(
        &self,
        user_id: UserId,
        conversation_id: ConversationId,
        job_id: JobId,
    ) -> Result<Option<FileJob>, StoreError>;

    /// Returns at most `limit` of the conversation's jobs, newest first, or `None` if the user has no such
    /// conversation.
    async fn list_jobs(
        &self,
        user_id: UserId,
        conversation_id: ConversationId,
        limit: u32,
    ) -> Result<Option<Vec<FileJob>>, StoreError>;

    /// Returns the conversation's job whose newest analysis is one of these messages, or `None` if there is none or the
    /// user has no such conversation.
    async fn find_job_by_analysis(
        &self,
        user_id: UserId,
        conversation_id: ConversationId,
        message_ids: Vec<MessageId>,
    ) -> Result<Option<FileJob>, StoreError>;

    /// Leases the oldest running job without a valid lease at `now` to the run, until `expires_at`.
    async fn lease_job(
        &self,
        run_id: RunId,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<Option<LeasedJob>, StoreError>;

    /// Renews the lease until `expires_at`. Returns `false` if the run has lost it.
    async fn renew_job_lease(
        &self,
        job_id: JobId,
        run_id: RunId,
        expires_at: Timestamp,
    ) -> Result<bool, StoreError>;

    /// Records the analysis of one part; parts are counted from 0. Returns the updated job, or `None` if
    /// the run has lost its lease.
    async fn record_part(
        &self,
        job_id: JobId,
        run_id: RunId,
        part: u32,
        analysis: String,
    ) -> Result<Option<FileJob>, StoreError>;

    /// Appends the messages to the job's conversation, the last of which is the analysis, and ends the job
    /// as complete, in one transaction. Keeps its text and removes its recorded analyses.
    async fn complete_job(
        &self,
        job_id: JobId,
        run_id: RunId,
        append: Append,
        now: Timestamp,
    ) -> Result<CompleteJobOutcome, StoreError>;

    /// Ends the job as failed and keeps its text and recorded analyses. Returns `None` if the run has lost its lease.
    async fn fail_job(
        &self,
        job_id: JobId,
        run_id: RunId,
        error: Problem,
    ) -> Result<Option<FileJob>, StoreError>;

    /// Cancels a running or failed job and removes its text. A job that has an earlier analysis returns to complete and
    /// keeps its text. Any other job stays unchanged. Returns the job, or `None` if the user has no such job in this
    /// conversation.
    async fn cancel_job(
        &self,
        user_id: UserId,
        conversation_id: ConversationId,
        job_id: JobId,
    ) -> Result<Option<FileJob>, StoreError>;

    /// Runs a failed job again for the missing parts, and a complete one for all parts if its text is kept. If the
    /// instructions differ from those before, a failed job loses its recorded analyses and runs for all parts too. Any
    /// other job stays unchanged, with its instructions. Returns the job, or `None` if the user has no such job in this
    /// conversation.
    async fn rerun_job(
        &self,
        user_id: UserId,
        conversation_id: ConversationId,
        job_id: JobId,
        instructions: Option<FileInstructions>,
    ) -> Result<Option<FileJob>, StoreError>;
}

/// A job to create.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewFileJob {
    /// The job, running, with no part analysed.
    pub job: FileJob,
    /// The content of the file.
    pub text: String,
    /// The byte offset at which each part ends; the last one ends with the text.
    pub part_ends: Vec<u64>,
    /// The maximum number of the user's running and failed jobs.
    pub max_unfinished: u32,
}

/// The outcome of creating a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CreateJobOutcome {
    /// The job is stored.
    Created,
    /// A job with this id exists. Contains its current state.
    Duplicate(FileJob),
    /// The user has the maximum number of running jobs.
    TooMany,
    /// The user has no such conversation.
    NotFound,
}

/// The outcome of completing a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CompleteJobOutcome {
    /// The messages are stored and the job is complete.
    Completed(Box<CompletedJob>),
    /// The analysis would replace an earlier one on the visible path while a turn is running. Nothing is changed.
    TurnInProgress,
    /// The run has lost its lease. Nothing is changed.
    LeaseLost,
}

/// A leased job and everything needed to continue it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeasedJob {
    /// The user it belongs to.
    pub user_id: UserId,
    /// The job.
    pub job: FileJob,
    /// The file, and the analyses recorded so far.
    pub analysis: FileAnalysis,
}

/// The state of a file's analysis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileAnalysis {
    /// The content of the file.
    pub content: String,
    /// The byte offset at which each part ends.
    pub part_ends: Vec<u64>,
    /// The recorded analyses by part.
    pub analyses: BTreeMap<u32, String>,
}

/// A job whose analysis was appended to its conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompletedJob {
    /// The updated job.
    pub job: FileJob,
    /// The updated conversation.
    pub conversation: Conversation,
    /// The stored messages.
    pub messages: Vec<Message>,
}
