use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{FutureExt, Stream, StreamExt, stream};
use tokio::time::{sleep, timeout};
use webchat_domain::{
    ConversationChange, EventBody, FileJob, FileProgress, JobId, MessageId, MessageStatus,
    NewMessage, Problem, Role, RunId, Timestamp, Title, TurnId,
};
use webchat_llm::ModelError;
use webchat_persistence::{Append, CompletedJob, StoreError, TakenJob};

use crate::analysis::{Analyst, concerns_all};
use crate::background::run_periodically;
use crate::core::Core;
use crate::fault::{cause, panic_message};
use crate::files::FileWork;
use crate::publisher::EventPublisher;
use crate::turns::LEASE;
use crate::{Files, prompts};

/// How often is looked for files that nobody works on: those of servers that died among them.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// How often a run renews its hold, and sees whether the user still wants it.
const RENEW_EVERY: Duration = Duration::from_secs(2);

/// Parts that fail before the others are not asked for any more.
const MOST_FAILED: usize = 3;

/// Percent of a file that are told together: a long one has thousands of parts.
const TOLD_PERCENT: u64 = 2;

/// One run of a job, to its end or until somebody else has it.
struct FileRun {
    core: Arc<Core>,
    work: Arc<FileWork>,
    run_id: RunId,
    taken: TakenJob,
}

/// Why a run ends without a complete analysis.
enum End {
    /// The user is told.
    Failed(Problem),
    /// The job is no more this run's.
    Lost,
    /// The server goes away: the job goes on elsewhere or later.
    Left,
    /// The store is away: the job goes on when it is back.
    Store(StoreError),
    Panic(Box<dyn Any + Send>),
}

impl Files {
    pub(crate) fn spawn_worker(&self) {
        let files = self.clone();
        let ending = self.core.running.refusing();
        self.core.running.spawn(async move {
            tokio::select! {
                () = ending.cancelled() => {}
                () = files.analyse_again_and_again() => {}
            }
        });
    }

    async fn analyse_again_and_again(&self) {
        let analysing = || async {
            self.keep_analysing().await;
            Ok(())
        };
        run_periodically("files can't be analysed", LOOK_EVERY, analysing).await;
    }

    async fn keep_analysing(&self) {
        // The slots are never closed.
        while let Ok(slot) = Arc::clone(&self.work.slots).acquire_owned().await {
            if let Some(run) = self.take_file().await {
                self.core.running.spawn(async move {
                    run.run().await;
                    drop(slot);
                });
                continue;
            }
            drop(slot);
            timeout(LOOK_EVERY, self.work.has_news.notified()).await.ok();
        }
    }

    async fn take_file(&self) -> Option<FileRun> {
        let run_id = RunId::generate();
        let now = self.core.ports.clock.now();
        match self.core.ports.file_jobs.take_job(run_id, now, now.plus(LEASE)).await {
            Ok(taken) => taken.map(|taken| FileRun {
                core: Arc::clone(&self.core),
                work: Arc::clone(&self.work),
                run_id,
                taken,
            }),
            Err(error) => {
                tracing::warn!(error = cause(&error), "can't look for files to analyse");
                None
            }
        }
    }
}

impl FileRun {
    async fn run(self) {
        let id = self.taken.job.conversation_id;
        let publisher = EventPublisher::new(Arc::clone(&self.core.ports.log), id);
        let give_up = self.core.running.interrupt();
        let work = async {
            let analysing = AssertUnwindSafe(self.analyse(&publisher)).catch_unwind();
            let ended = tokio::select! {
                biased;
                () = give_up.cancelled() => Err(End::Left),
                ended = analysing => ended.unwrap_or_else(|panic| Err(End::Panic(panic))),
                () = self.hold() => Err(End::Lost),
            };
            if let Err(end) = ended {
                self.end(end, &publisher).await;
            }
            publisher.close();
        };
        tokio::join!(work, publisher.run(&give_up));
    }

    /// Returns when the job is no more this run's.
    async fn hold(&self) {
        loop {
            sleep(RENEW_EVERY).await;
            let until = self.core.ports.clock.now().plus(LEASE);
            match self.renew(until).await {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => {
                    tracing::warn!(job_id = %self.id(), error = cause(&error), "a file is not held");
                }
            }
        }
    }

    async fn analyse(&self, publisher: &EventPublisher) -> Result<(), End> {
        let of_parts = self.analyse_parts(publisher).await?;
        let combined = self.analyst().combine(of_parts).await.map_err(|error| {
            End::Failed(self.describe("The analyses of its parts could not be combined", &error))
        })?;
        let completed = self.complete(combined).await?;
        let id = completed.conversation.conversation_id;
        tell_completed(publisher, completed);
        self.core.notify_list(self.taken.user_id, Some(id)).await;
        Ok(())
    }

    /// The analyses of all parts, in their order. What was recorded before is not asked for again.
    async fn analyse_parts(&self, publisher: &EventPublisher) -> Result<Vec<String>, End> {
        let mut analyses = self.taken.text.analyses.clone();
        let mut failed: Vec<(u32, ModelError)> = Vec::new();
        let mut answers = pin!(self.answers());
        while let Some((part, answer)) = answers.next().await {
            match answer {
                Ok(text) => {
                    self.record(part, text.clone(), publisher).await?;
                    analyses.insert(part, text);
                }
                Err(error) => {
                    let is_enough = concerns_all(&error) || failed.len() + 1 >= MOST_FAILED;
                    failed.push((part, error));
                    if is_enough {
                        break;
                    }
                }
            }
        }
        if let Some((part, error)) = failed.into_iter().min_by_key(|(part, _)| *part) {
            return Err(End::Failed(self.describe_part(part, &error)));
        }
        if analyses.len() < self.taken.text.part_ends.len() {
            return Err(End::Left);
        }
        Ok(analyses.into_values().collect())
    }

    /// What the model says about the parts that were not recorded before, a few at a time.
    fn answers(&self) -> impl Stream<Item = (u32, Result<String, ModelError>)> {
        let missing = self.parts().filter(|(part, _)| !self.taken.text.analyses.contains_key(part));
        stream::iter(missing)
            .take_until(self.core.running.refusing().cancelled_owned())
            .map(async |(part, text)| (part, self.analyst().analyse(part, text).await))
            .buffer_unordered(self.core.settings.files.concurrency.max(1))
    }

    /// The parts of the text, counted from 0.
    fn parts(&self) -> impl Iterator<Item = (u32, &str)> {
        let ends = self.taken.text.part_ends.iter().filter_map(|end| usize::try_from(*end).ok());
        let begins = std::iter::once(0).chain(ends.clone());
        let texts = begins.zip(ends).map(|(begin, end)| self.taken.text.content.get(begin..end));
        (0..).zip(texts.map(Option::unwrap_or_default))
    }

    async fn record(
        &self,
        part: u32,
        analysis: String,
        publisher: &EventPublisher,
    ) -> Result<(), End> {
        let jobs = &self.core.ports.file_jobs;
        let recorded = jobs.record_part(self.id(), self.run_id, part, analysis).await?;
        let job = recorded.ok_or(End::Lost)?;
        let told = |done: u32| u64::from(done) * 100 / TOLD_PERCENT / u64::from(job.of.max(1));
        if told(job.done) > told(job.done.saturating_sub(1)) {
            publisher.tell(EventBody::FileProgress(FileProgress::from(&job)));
        }
        Ok(())
    }

    async fn complete(&self, analysis: String) -> Result<CompletedJob, End> {
        let append = self.messages(analysis).await;
        let now = self.core.ports.clock.now();
        let jobs = &self.core.ports.file_jobs;
        let completed = jobs.complete_job(self.id(), self.run_id, append, now).await?;
        completed.ok_or(End::Lost)
    }

    /// A question that names the file, and its answer.
    async fn messages(&self, analysis: String) -> Append {
        let file_name = &self.taken.job.file_name;
        let question = prompts::about_file(file_name);
        let question = NewMessage {
            message_id: MessageId::generate(),
            turn_id: Some(TurnId::generate()),
            role: Role::User,
            token_count: self.core.count_tokens(&question).await,
            content: question,
            status: MessageStatus::Complete,
            created_at: self.core.ports.clock.now(),
        };
        let answer = NewMessage {
            message_id: MessageId::generate(),
            role: Role::Assistant,
            token_count: self.core.count_tokens(&analysis).await,
            content: analysis,
            ..question.clone()
        };
        let title = Title::from_first_words(file_name.as_str());
        Append { messages: vec![question, answer], title, ..Append::default() }
    }

    async fn end(&self, end: End, publisher: &EventPublisher) {
        let job_id = self.id();
        let ended = match end {
            End::Lost => Ok(()),
            End::Left => self.renew(self.core.ports.clock.now()).await.map(|_| ()),
            End::Failed(error) => self.fail(error, publisher).await,
            End::Store(error) => Err(error),
            End::Panic(panic) => {
                let cause = panic_message(panic.as_ref());
                tracing::error!(%job_id, cause, "the analysis of a file panicked");
                let message = "Something went wrong on the server.".to_owned();
                self.fail(Problem { message, code: "internal".to_owned() }, publisher).await
            }
        };
        if let Err(error) = ended {
            tracing::warn!(%job_id, error = cause(&error), "a file goes on when its hold has lapsed");
        }
    }

    async fn fail(&self, error: Problem, publisher: &EventPublisher) -> Result<(), StoreError> {
        tracing::warn!(job_id = %self.id(), code = error.code, "a file could not be analysed");
        let failed = self.core.ports.file_jobs.fail_job(self.id(), self.run_id, error).await?;
        if let Some(job) = failed {
            publisher.tell(EventBody::FileProgress(FileProgress::from(&job)));
        }
        Ok(())
    }

    async fn renew(&self, until: Timestamp) -> Result<bool, StoreError> {
        self.core.ports.file_jobs.renew_job(self.id(), self.run_id, until).await
    }

    fn analyst(&self) -> Analyst<'_> {
        let FileJob { file_name, of, .. } = &self.taken.job;
        Analyst { core: &self.core, requests: &self.work.requests, file_name, parts: *of }
    }

    fn id(&self) -> JobId {
        self.taken.job.job_id
    }

    fn describe_part(&self, part: u32, error: &ModelError) -> Problem {
        let of = self.taken.job.of;
        let what = format!("Part {} of {of} could not be analysed", part + 1);
        self.describe(&what, error)
    }

    /// What the user is told; the cause goes to the log.
    fn describe(&self, what: &str, error: &ModelError) -> Problem {
        tracing::warn!(job_id = %self.id(), error = cause(error), what);
        Problem { message: format!("{what}: {error}"), code: error.code().to_owned() }
    }
}

impl From<StoreError> for End {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

fn tell_completed(publisher: &EventPublisher, completed: CompletedJob) {
    let CompletedJob { job, conversation, messages } = completed;
    publisher.tell(EventBody::FileProgress(FileProgress::from(&job)));
    let is_first = messages.first().is_some_and(|question| question.parent_id.is_none());
    if let Some(title) = conversation.title.filter(|_| is_first) {
        publisher.tell(EventBody::ConversationUpdated(ConversationChange::Title { title }));
    }
    let change = ConversationChange::File { job_id: job.job_id };
    publisher.tell(EventBody::ConversationUpdated(change));
}

#[cfg(test)]
mod tests;
