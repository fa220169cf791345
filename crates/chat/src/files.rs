use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, Semaphore};
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use webchat_domain::{
    ConversationId, EventBody, EventId, FileJob, FileName, FileProgress, IdempotencyKey, JobId,
    JobStatus, UserId,
};
use webchat_persistence::{CreateJobOutcome, NewFileJob, StoreError};
use webchat_tokens::chunks;

use crate::analysis::longest_part;
use crate::fault::cause;
use crate::{ChatError, Files, Settings};

/// Files that one server works on at a time: each is held in memory meanwhile.
const WORKED_ON: usize = 8;

/// Files that are listed of a conversation, at most.
const LISTED: u32 = 100;

/// Messages read at a time, to find one.
const PAGE: u32 = 50;

/// How often whoever waits for a file looks at it, also where the log does not say that it went on.
const LOOK_AGAIN: Duration = Duration::from_secs(2);

/// What of the analysing of files is shared by all of it in this process.
pub(crate) struct FileWork {
    /// The files that are held in memory.
    pub(crate) slots: Arc<Semaphore>,
    /// The requests to the model.
    pub(crate) requests: Semaphore,
    /// There is a file that nobody works on.
    pub(crate) has_news: Notify,
}

impl FileWork {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            slots: Arc::new(Semaphore::new(WORKED_ON)),
            requests: Semaphore::new(settings.files.concurrency.max(1)),
            has_news: Notify::new(),
        }
    }
}

/// A file as somebody sends it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// What they call it.
    pub name: FileName,
    /// What is in it.
    pub content: Vec<u8>,
}

struct Cut {
    text: String,
    token_count: u32,
    part_ends: Vec<u64>,
}

impl Files {
    /// Whether files of this name are taken.
    ///
    /// # Errors
    /// [`ChatError::UnsupportedFileType`].
    pub fn accept_file_name(&self, name: &FileName) -> Result<(), ChatError> {
        if self.core.settings.files.extensions.contains(&name.extension()) {
            return Ok(());
        }
        Err(ChatError::UnsupportedFileType)
    }

    /// Keeps the file, to be analysed whatever becomes of the caller, and tells the conversation's
    /// followers. Its text is kept byte for byte until the analysis is part of the conversation. Under
    /// a key that brought a file before, it is that one as it is now.
    ///
    /// # Errors
    /// All of [`ChatError`] that are about files, and [`ChatError::ConversationNotFound`]; nothing was
    /// kept then.
    ///
    /// # Cancellation
    /// When the future is dropped, the file may be kept; if it is, it is analysed.
    pub async fn upload(
        &self,
        user_id: UserId,
        id: ConversationId,
        key: Option<&IdempotencyKey>,
        upload: Upload,
    ) -> Result<FileJob, ChatError> {
        let _admission = self.core.running.admit().ok_or(ChatError::ShuttingDown)?;
        self.accept_file_name(&upload.name)?;
        let text = self.text_of(upload.content)?;
        self.core.find_conversation(user_id, id).await?;
        // What could not be told must not be kept: where the log is away, it ends here.
        self.core.ports.log.checkpoint(id).await?;
        let Cut { text, token_count, part_ends } = self.cut(text).await?;
        let job = FileJob {
            job_id: JobId::of_key(id, key),
            conversation_id: id,
            file_name: upload.name,
            size_bytes: u64::try_from(text.len()).unwrap_or(u64::MAX),
            token_count,
            status: JobStatus::Running,
            done: 0,
            of: u32::try_from(part_ends.len()).unwrap_or(u32::MAX),
            error: None,
            created_at: self.core.ports.clock.now(),
            message_id: None,
        };
        let max_kept = self.core.settings.files.per_user;
        let new = NewFileJob { job: job.clone(), text, part_ends, max_kept };
        match self.core.ports.file_jobs.create_job(user_id, new).await? {
            CreateJobOutcome::Created => {}
            CreateJobOutcome::Duplicate(known) => return Ok(known),
            CreateJobOutcome::TooMany => return Err(ChatError::TooManyFiles { limit: max_kept }),
            CreateJobOutcome::NotFound => return Err(ChatError::ConversationNotFound),
        }
        self.tell_file(&job).await;
        self.work.has_news.notify_one();
        Ok(job)
    }

    /// The conversation's newest files, newest first, at most 100.
    ///
    /// # Errors
    /// [`ChatError::ConversationNotFound`], also when it is somebody else's.
    pub async fn list(
        &self,
        user_id: UserId,
        id: ConversationId,
    ) -> Result<Vec<FileJob>, ChatError> {
        let found = self.core.ports.file_jobs.jobs(user_id, id, LISTED).await?;
        found.ok_or(ChatError::ConversationNotFound)
    }

    /// The file, and how far its analysis is.
    ///
    /// # Errors
    /// [`ChatError::FileNotFound`], also when it is somebody else's.
    pub async fn find(
        &self,
        user_id: UserId,
        id: ConversationId,
        job_id: JobId,
    ) -> Result<FileJob, ChatError> {
        let found = self.core.ports.file_jobs.find_job(user_id, id, job_id).await?;
        found.ok_or(ChatError::FileNotFound)
    }

    /// Ends the analysis of a file, wherever it is made, within two seconds. A file whose analysis has
    /// ended already stays as it is, but one that failed is not kept for another try any more.
    ///
    /// # Errors
    /// [`ChatError::FileNotFound`], also when it is somebody else's.
    pub async fn cancel(
        &self,
        user_id: UserId,
        id: ConversationId,
        job_id: JobId,
    ) -> Result<(), ChatError> {
        let cancelled = self.core.ports.file_jobs.cancel_job(user_id, id, job_id).await?;
        let job = cancelled.ok_or(ChatError::FileNotFound)?;
        if job.status == JobStatus::Cancelled {
            self.tell_file(&job).await;
        }
        Ok(())
    }

    /// Tries again what is missing of an analysis that failed.
    ///
    /// # Errors
    /// [`ChatError::FileNotFound`], also when it is somebody else's; [`ChatError::FileNotFailed`].
    pub async fn retry(
        &self,
        user_id: UserId,
        id: ConversationId,
        job_id: JobId,
    ) -> Result<FileJob, ChatError> {
        let _admission = self.core.running.admit().ok_or(ChatError::ShuttingDown)?;
        let retried = self.core.ports.file_jobs.retry_job(user_id, id, job_id).await?;
        let job = retried.ok_or(ChatError::FileNotFound)?;
        if job.status != JobStatus::Running {
            return Err(ChatError::FileNotFailed);
        }
        self.tell_file(&job).await;
        self.work.has_news.notify_one();
        Ok(job)
    }

    /// Waits until the analysis of a file has ended: the file as it is then.
    ///
    /// # Errors
    /// [`ChatError::FileNotFound`], also when it goes meanwhile; [`ChatError::ShuttingDown`] when the
    /// server goes away, and the analysis goes on elsewhere or later.
    pub async fn wait_for(
        &self,
        user_id: UserId,
        id: ConversationId,
        job_id: JobId,
    ) -> Result<FileJob, ChatError> {
        loop {
            let latest = self.core.ports.log.checkpoint(id).await?.latest;
            let job = self.find(user_id, id, job_id).await?;
            if job.status != JobStatus::Running {
                return Ok(job);
            }
            tokio::select! {
                // A log that fails is seen by the next look.
                _ = timeout(LOOK_AGAIN, self.core.ports.log.wait(id, latest)) => {}
                () = self.core.running.refusing().cancelled_owned() => return Err(ChatError::ShuttingDown),
            }
        }
    }

    /// The text of an analysis that is complete.
    ///
    /// # Errors
    /// [`ChatError::FileNotFound`] when its message is there no more, or is somebody else's.
    pub async fn analysis(&self, user_id: UserId, job: &FileJob) -> Result<String, ChatError> {
        let mut before = None;
        loop {
            let id = job.conversation_id;
            let mut page = self.core.read_messages(user_id, id, before, PAGE).await?;
            before = page.first().map(|oldest| oldest.position);
            if before.is_none() {
                return Err(ChatError::FileNotFound);
            }
            page.retain(|message| Some(message.message_id) == job.message_id);
            if let Some(message) = page.pop() {
                return Ok(message.content);
            }
        }
    }

    fn text_of(&self, content: Vec<u8>) -> Result<String, ChatError> {
        let max_bytes = self.core.settings.files.max_bytes;
        if content.len() > max_bytes {
            return Err(ChatError::FileTooLarge { max_bytes });
        }
        let text = String::from_utf8(content).map_err(|_| ChatError::FileNotText)?;
        // A byte order mark is part of the file, but says nothing.
        if text.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}').is_empty() {
            return Err(ChatError::EmptyFile);
        }
        Ok(text)
    }

    async fn cut(&self, text: String) -> Result<Cut, ChatError> {
        let counter = self.core.counter();
        let limit = longest_part(&self.core.settings);
        let cutting = spawn_blocking(move || {
            let mut end = 0_u64;
            let parts = chunks(&text, limit, counter).into_iter();
            let part_ends = parts.map(|part| {
                end += u64::try_from(part.len()).unwrap_or(u64::MAX);
                end
            });
            Cut { part_ends: part_ends.collect(), token_count: counter.count(&text), text }
        });
        Ok(cutting.await.map_err(StoreError::fault)?)
    }

    /// Whoever misses it sees the file in the list.
    async fn tell_file(&self, job: &FileJob) {
        let body = EventBody::FileProgress(FileProgress::from(job));
        if let Err(error) =
            self.core.ports.log.append(job.conversation_id, EventId::generate(), body).await
        {
            tracing::warn!(job_id = %job.job_id, error = cause(&error), "a file was not told");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Room;

    fn file(name: &str, content: &[u8]) -> Upload {
        Upload { name: name.to_owned().into(), content: content.to_vec() }
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_kept_of_a_file_that_is_refused() {
        let room = Room::open_with(|settings| settings.files.max_bytes = 10).await;

        for (name, content, code) in [
            ("tides.exe", b"tides".as_slice(), "unsupported_file_type"),
            ("tides", b"tides", "unsupported_file_type"),
            ("tides.txt", b"tides tides", "payload_too_large"),
            ("tides.txt", b"\xff\xfet\0", "file_not_text"),
            ("tides.txt", b"", "empty_file"),
            ("tides.txt", b"\xef\xbb\xbf \r\n", "empty_file"),
        ] {
            let refused =
                room.chat.files.upload(room.user_id, room.id, None, file(name, content)).await;
            assert_eq!(refused.unwrap_err().code(), code, "{name} {content:?}");
        }
        let stranger = UserId::generate();
        let foreign =
            room.chat.files.upload(stranger, room.id, None, file("a.txt", b"tides")).await;
        assert_eq!(foreign.unwrap_err().code(), "conversation_not_found");

        assert_eq!(room.chat.files.list(room.user_id, room.id).await.unwrap(), []);
        assert_eq!(room.told().await, [""; 0]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_user_has_so_many_files_analysed_at_a_time() {
        let room = Room::open_with(|settings| settings.files.per_user = 2).await;
        let upload =
            || room.chat.files.upload(room.user_id, room.id, None, file("A.TXT", b"tides"));

        let first = upload().await.unwrap();
        upload().await.unwrap();
        let third = upload().await;
        room.chat.files.cancel(room.user_id, room.id, first.job_id).await.unwrap();
        let instead = upload().await;

        assert_eq!(third.unwrap_err().code(), "too_many_files");
        assert_eq!(instead.unwrap().file_name.as_str(), "A.TXT");
    }
}
