//! The file service: uploads files, and lists and cancels their analyses.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use webchat_domain::{
    Caller, ConversationId, EventBody, EventId, FileJob, FileName, FileProgress, IdempotencyKey,
    JobId, JobStatus, Role, Title, UserId, error_chain,
};
use webchat_persistence::rules::failed_jobs_to_keep;
use webchat_persistence::{CreateJobOutcome, NewFileJob, TurnLogExt};

use super::dispatcher::dispatch_files;
use super::parts::{FileParts, estimated_tokens, max_part_tokens, split};
use super::text::decode;
use super::work::FileWork;
use crate::error::ChatError;
use crate::models::token_budget::TokenReservation;
use crate::runtime::core::Core;
use crate::runtime::limits::Permit;
use crate::runtime::reached_limits::{Limit, count_reached_limit};

/// The maximum number of files that are listed for a conversation.
const MAX_LISTED: u32 = 100;

/// The interval at which [`Files::wait_for`] checks the analysis, in case the log misses an event.
const POLL_INTERVAL: Duration = Duration::from_secs(2);

/// A file to upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// The file's name.
    pub name: FileName,
    /// The file's content.
    pub content: Vec<u8>,
    /// The label of the content's encoding, if the client declared one.
    pub charset: Option<String>,
}

/// Files and their analyses.
#[derive(Clone)]
pub struct Files {
    pub(super) core: Arc<Core>,
    pub(super) work: Arc<FileWork>,
}

impl Files {
    pub(crate) fn new(core: &Arc<Core>) -> Self {
        let work = Arc::new(FileWork::new(&core.settings.files));
        Self { core: Arc::clone(core), work }
    }

    /// Starts the dispatcher of file analyses, which runs until shutdown.
    pub(crate) fn spawn_dispatcher(&self) {
        let (core, work) = (Arc::clone(&self.core), Arc::clone(&self.work));
        let draining = self.core.lifecycle.draining();
        self.core.lifecycle.spawn_detached(async move {
            tokio::select! {
                () = draining.cancelled() => {}
                () = dispatch_files(core, work) => {}
            }
        });
    }

    /// Checks that files with this name are accepted.
    ///
    /// # Errors
    /// [`ChatError::UnsupportedFileType`] if the extension is not accepted.
    pub fn check_file_name(&self, name: &FileName) -> Result<(), ChatError> {
        if self.core.settings.files.extensions.contains(&name.extension()) {
            return Ok(());
        }
        Err(ChatError::UnsupportedFileType)
    }

    /// Stores a file and publishes its progress. The analysis runs in the background, even if the future is dropped.
    /// The text is kept with the conversation, unless the analysis is cancelled. Repeating an upload with the same key
    /// returns the first file, in its current state.
    ///
    /// # Errors
    /// The [`ChatError`]s of files, [`ChatError::ConversationNotFound`], and
    /// [`ChatError::TokenBudgetExceeded`] if the remaining budget of the user or of the caller's network is too
    /// small for the file. On an error, nothing is stored, unless the store's response was lost.
    ///
    /// # Cancellation
    /// If the future is dropped, the file may have been stored. A stored file is analysed.
    pub async fn upload(
        &self,
        caller: impl Into<Caller>,
        id: ConversationId,
        key: Option<&IdempotencyKey>,
        upload: Upload,
    ) -> Result<FileJob, ChatError> {
        let _admission = self.core.lifecycle.admit()?;
        let caller = caller.into();
        let user_id = caller.user_id;
        self.check_file_name(&upload.name)?;
        let text = self.decode(upload.content, upload.charset.as_deref())?;
        self.core.find_conversation(user_id, id).await?;
        // Fail early while the log is unavailable: nobody would see the progress.
        self.core.ports.log.checkpoint(id).await?;
        let job_id = JobId::from_idempotency_key(id, key);
        if let Some(existing) = self.core.ports.file_jobs.find_job(user_id, id, job_id).await? {
            return Ok(existing);
        }
        self.core.reserve_storage(user_id, text.len()).await?;
        let _permit = self.acquire_permit(user_id).await?;
        let parts = self.split(user_id, text).await?;
        let job = self.new_job(id, job_id, upload.name, &parts);
        let network_reservation = self.reserve_tokens(caller, &job).await?;
        let limit = self.core.settings.files.per_user;
        let FileParts { text, ends, .. } = parts;
        let new = NewFileJob { job: job.clone(), text, part_ends: ends, max_unfinished: limit };
        let result = match self.core.ports.file_jobs.create_job(user_id, new).await? {
            CreateJobOutcome::Created => {
                self.publish(&job).await;
                self.work.wake.notify_one();
                return Ok(job);
            }
            CreateJobOutcome::Duplicate(existing) => Ok(existing),
            CreateJobOutcome::TooMany => Err(too_many_files(limit)),
            CreateJobOutcome::NotFound => Err(ChatError::ConversationNotFound),
        };
        // No job was created, so no tokens are used.
        self.core.settle_tokens(network_reservation, 0).await;
        result
    }

    /// Estimates the number of tokens that are sent to the model to analyse all parts of this file. The answers,
    /// and the requests that combine them, are not included.
    #[must_use]
    pub fn estimated_tokens(&self, job: &FileJob) -> u64 {
        estimated_tokens(job)
    }

    /// Returns the conversation's newest files, newest first, at most 100.
    ///
    /// # Errors
    /// [`ChatError::ConversationNotFound`] if the user has no such conversation.
    pub async fn list(
        &self,
        user_id: UserId,
        id: ConversationId,
    ) -> Result<Vec<FileJob>, ChatError> {
        let found = self.core.ports.file_jobs.list_jobs(user_id, id, MAX_LISTED).await?;
        found.ok_or(ChatError::ConversationNotFound)
    }

    /// Returns the file and the progress of its analysis.
    ///
    /// # Errors
    /// [`ChatError::FileNotFound`] if the user has no such file.
    pub async fn find(
        &self,
        user_id: UserId,
        id: ConversationId,
        job_id: JobId,
    ) -> Result<FileJob, ChatError> {
        let found = self.core.ports.file_jobs.find_job(user_id, id, job_id).await?;
        found.ok_or(ChatError::FileNotFound)
    }

    /// Cancels the running or failed analysis of a file within two seconds, on any instance; any other is left unchanged.
    /// If the file was analysed before, that analysis remains. A conversation that was started only for the file is no
    /// longer listed.
    ///
    /// # Errors
    /// [`ChatError::FileNotFound`] if the user has no such file.
    pub async fn cancel(
        &self,
        user_id: UserId,
        id: ConversationId,
        job_id: JobId,
    ) -> Result<(), ChatError> {
        let cancelled = self.core.ports.file_jobs.cancel_job(user_id, id, job_id).await?;
        let job = cancelled.ok_or(ChatError::FileNotFound)?;
        self.publish(&job).await;
        self.remove_file_title(user_id, id).await
    }

    /// If all files of an empty conversation are cancelled, removes the title that one of them gave to it.
    async fn remove_file_title(
        &self,
        user_id: UserId,
        id: ConversationId,
    ) -> Result<(), ChatError> {
        let conversation = self.core.find_conversation(user_id, id).await?;
        let Some(title) = conversation.title.filter(|_| conversation.message_count == 0) else {
            return Ok(());
        };
        let files = self.list(user_id, id).await?;
        let is_title_source =
            |file: &FileJob| Title::of_file(&file.file_name).as_ref() == Some(&title);
        if !files.iter().any(is_title_source)
            || files.iter().any(|file| file.status != JobStatus::Cancelled)
        {
            return Ok(());
        }
        let conversations = &self.core.ports.conversations;
        if conversations.replace_title_if(user_id, id, title, None).await? {
            // An empty conversation is not listed, so clients would ignore a change of it: let them read the list again.
            self.core.notify_list(user_id, None).await;
        }
        Ok(())
    }

    /// Waits for the end of a file's analysis, and returns the file.
    ///
    /// # Errors
    /// [`ChatError::FileNotFound`], also if the file is deleted in the meantime; [`ChatError::ShuttingDown`] if
    /// the server shuts down; the analysis then continues on another instance or after the restart.
    pub async fn wait_for_analysis(
        &self,
        user_id: UserId,
        id: ConversationId,
        job_id: JobId,
    ) -> Result<FileJob, ChatError> {
        let log = &self.core.ports.log;
        let draining = self.core.lifecycle.draining();
        loop {
            let latest = log.checkpoint(id).await?.latest;
            let job = self.find(user_id, id, job_id).await?;
            if job.status != JobStatus::Running {
                return Ok(job);
            }
            tokio::select! {
                // If the log fails, the next checkpoint returns the error.
                _ = timeout(POLL_INTERVAL, log.wait(id, latest)) => {}
                () = draining.cancelled() => return Err(ChatError::ShuttingDown),
            }
        }
    }

    /// Returns the text of a complete analysis.
    ///
    /// # Errors
    /// [`ChatError::FileNotFound`] if its message no longer exists; [`ChatError::ConversationNotFound`] if its
    /// conversation no longer exists or belongs to another user.
    pub async fn analysis(&self, user_id: UserId, job: &FileJob) -> Result<String, ChatError> {
        let (id, message_id) = (job.conversation_id, job.message_id);
        let message_id = message_id.ok_or(ChatError::FileNotFound)?;
        match self.core.find_message(user_id, id, message_id, Role::Assistant).await {
            Ok(analysis) => Ok(analysis.content),
            Err(ChatError::MessageNotFound) => Err(ChatError::FileNotFound),
            Err(error) => Err(error),
        }
    }

    fn decode(&self, content: Vec<u8>, charset: Option<&str>) -> Result<String, ChatError> {
        let max_bytes = self.core.settings.files.max_bytes;
        let is_too_large = content.len() > max_bytes;
        let text = (!is_too_large).then(|| decode(content, charset));
        // A text may be longer in UTF-8 than in the encoding of its file.
        let text = text.filter(|text| text.as_ref().is_none_or(|text| text.len() <= max_bytes));
        let text = text.ok_or(ChatError::FileTooLarge { max_bytes })?;
        let text = text.ok_or(ChatError::FileNotText)?;
        // A file with only a byte order mark and white space counts as empty.
        if text.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}').is_empty() {
            return Err(ChatError::EmptyFile);
        }
        Ok(text)
    }

    /// Acquires a permit for one more file of this user before the file is split. The store checks the limit again
    /// when it stores the file.
    pub(super) async fn acquire_permit(&self, user_id: UserId) -> Result<Permit, ChatError> {
        let limit = self.core.settings.files.per_user;
        let running = self.core.ports.file_jobs.count_running_jobs(user_id).await?;
        let max_uploads = usize::try_from(limit.max(1)).unwrap_or(usize::MAX);
        failed_jobs_to_keep(running, limit)
            .and_then(|_| self.work.uploads.acquire(user_id, max_uploads))
            .ok_or_else(|| too_many_files(limit))
    }

    /// Checks the budget of the user, and reserves the tokens of the caller's network.
    pub(super) async fn reserve_tokens(
        &self,
        caller: Caller,
        job: &FileJob,
    ) -> Result<TokenReservation, ChatError> {
        let estimated = self.estimated_tokens(job);
        self.core.check_user_budget(caller.user_id, estimated).await?;
        self.core.reserve_network_tokens(caller, estimated).await
    }

    async fn split(&self, user_id: UserId, text: String) -> Result<FileParts, ChatError> {
        let model = self.core.ports.models.first();
        let max_tokens = max_part_tokens(&self.core.settings.files, &model);
        let counter = model.counter();
        let split =
            move |cancelled: &CancellationToken| split(text, max_tokens, counter, cancelled);
        self.core.text_work.run(user_id, &self.core.lifecycle.aborting(), split).await
    }

    fn new_job(
        &self,
        conversation_id: ConversationId,
        job_id: JobId,
        file_name: FileName,
        parts: &FileParts,
    ) -> FileJob {
        FileJob {
            job_id,
            conversation_id,
            file_name,
            size_bytes: u64::try_from(parts.text.len()).unwrap_or(u64::MAX),
            token_count: parts.token_count,
            status: JobStatus::Running,
            parts_done: 0,
            part_count: u32::try_from(parts.ends.len()).unwrap_or(u32::MAX),
            error: None,
            created_at: self.core.now(),
            message_id: None,
            question_id: None,
            instructions: None,
        }
    }

    /// Publishes the progress. A failure is only logged, because clients that miss the event still find the file in
    /// the list.
    pub(super) async fn publish(&self, job: &FileJob) {
        let body = EventBody::FileProgress(FileProgress::from(job));
        let log = &self.core.ports.log;
        if let Err(error) = log.append_one(job.conversation_id, EventId::generate(), body).await {
            let error = error_chain(&error);
            tracing::warn!(job_id = %job.job_id, error, "failed to publish file progress");
        }
    }
}

fn too_many_files(limit: u32) -> ChatError {
    count_reached_limit(Limit::FilesPerUser);
    ChatError::TooManyFiles { limit }
}

#[cfg(test)]
mod tests;
