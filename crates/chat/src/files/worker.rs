//! The worker that analyses one file. It reuses the parts that an earlier worker has recorded.

mod messages;

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{FutureExt, Stream, StreamExt, stream};
use tokio::time::sleep;
use webchat_domain::{
    ConversationChange, EventBody, FileJob, FileProgress, JobId, Problem, RunId, Timestamp,
    error_chain,
};
use webchat_persistence::{CompleteJobOutcome, CompletedJob, LeasedJob, StoreError};

use super::analyser::{FileAnalyser, affects_all_requests, user_message};
use super::work::FileWork;
use crate::context::prompts::user_instructions;
use crate::events::publisher::EventPublisher;
use crate::models::request_error::RequestError;
use crate::runtime::core::Core;
use crate::runtime::panic_message::panic_message;
use crate::turns::lease::{LEASE, run_with_lease};

/// The number of failed parts after which the worker stops requesting further parts.
const MAX_FAILED_PARTS: usize = 3;

/// Progress is published in steps of this many percent, because a long file has thousands of parts.
const PROGRESS_STEP_PERCENT: u64 = 2;

/// The interval between attempts to store another version of an analysis while a turn is running.
const TURN_POLL_INTERVAL: Duration = Duration::from_secs(1);

/// Analyses one file as long as it holds the file's lease.
pub(super) struct AnalysisWorker {
    pub(super) core: Arc<Core>,
    pub(super) work: Arc<FileWork>,
    /// Identifies the lease.
    pub(super) run_id: RunId,
    pub(super) leased: LeasedJob,
}

/// The reason why a worker ends without a complete analysis.
enum Incomplete {
    /// The analysis failed. The user sees the problem.
    Failed(Problem),
    /// The worker has lost its lease, or the file was cancelled or deleted.
    LeaseLost,
    /// The server shuts down. Another instance continues the analysis.
    Suspended,
    /// The store failed. The analysis continues when the lease has expired.
    Store(StoreError),
    /// The worker panicked.
    Panic(Box<dyn Any + Send>),
}

impl AnalysisWorker {
    /// Analyses the file, and publishes the progress and the outcome.
    pub(super) async fn run(self) {
        let id = self.leased.job.conversation_id;
        let publisher =
            EventPublisher::new(Arc::clone(&self.core.ports.log), &self.core.publishers, id, 0);
        let abort = self.core.lifecycle.aborting();
        let work = async {
            let analysis = AssertUnwindSafe(self.analyse(&publisher)).catch_unwind();
            let outcome = tokio::select! {
                biased;
                () = abort.cancelled() => Err(Incomplete::Suspended),
                outcome = run_with_lease(analysis, || self.renew_lease()) => match outcome {
                    Some(outcome) => outcome.unwrap_or_else(|panic| Err(Incomplete::Panic(panic))),
                    None => Err(Incomplete::LeaseLost),
                },
            };
            if let Err(reason) = outcome {
                self.end(reason, &publisher).await;
            }
            publisher.close();
        };
        tokio::join!(work, publisher.run(&abort, None));
    }

    /// Renews the lease. Returns `false` if it is lost, or if the file was cancelled or deleted.
    async fn renew_lease(&self) -> bool {
        self.set_lease_expiry(self.core.now().plus(LEASE)).await.unwrap_or_else(|error| {
            tracing::warn!(job_id = %self.id(), error = error_chain(&error), "failed to renew file lease");
            true
        })
    }

    async fn analyse(&self, publisher: &EventPublisher) -> Result<(), Incomplete> {
        let analyser = self.analyser().await;
        let parts = self.analyse_parts(&analyser, publisher).await?;
        let answer_limit = analyser.model.answer_limit();
        let combined = analyser.combine(parts, answer_limit).await.map_err(|error| {
            Incomplete::Failed(
                self.describe("The analyses of the parts could not be combined", &error),
            )
        })?;
        let (completed, is_version) = self.complete(combined).await?;
        let id = completed.conversation.conversation_id;
        publish_completed(publisher, completed, is_version);
        self.core.notify_list(self.leased.user_id, Some(id)).await;
        Ok(())
    }

    /// Returns the analyses of all parts, in order. Recorded parts are not requested again.
    ///
    /// The loop must only await the next part: while the stream is not polled, its parts may hold connections and
    /// permits that other tasks wait for.
    async fn analyse_parts(
        &self,
        analyser: &FileAnalyser<'_>,
        publisher: &EventPublisher,
    ) -> Result<Vec<String>, Incomplete> {
        let mut recorded = self.leased.analysis.analyses.clone();
        let mut done = self.leased.job.parts_done;
        let mut failed: Vec<(u32, RequestError)> = Vec::new();
        let mut results = pin!(self.analyse_missing_parts(analyser));
        while let Some((part, result)) = results.next().await {
            match result? {
                Ok((text, job)) => {
                    publish_progress(publisher, done, &job);
                    done = done.max(job.parts_done);
                    recorded.insert(part, text);
                }
                Err(error) => {
                    let should_stop =
                        affects_all_requests(&error) || failed.len() + 1 >= MAX_FAILED_PARTS;
                    failed.push((part, error));
                    if should_stop {
                        break;
                    }
                }
            }
        }
        if let Some((part, error)) = failed.into_iter().min_by_key(|(part, _)| *part) {
            return Err(Incomplete::Failed(self.describe_part(part, &error)));
        }
        if recorded.len() < self.leased.analysis.part_ends.len() {
            return Err(Incomplete::Suspended);
        }
        Ok(recorded.into_values().collect())
    }

    /// Analyses the parts that are not recorded yet, with limited concurrency.
    fn analyse_missing_parts(
        &self,
        analyser: &FileAnalyser<'_>,
    ) -> impl Stream<Item = (u32, PartResult)> {
        let missing =
            self.parts().filter(|(part, _)| !self.leased.analysis.analyses.contains_key(part));
        stream::iter(missing)
            .take_until(self.core.lifecycle.draining().cancelled_owned())
            .map(async |(part, text)| (part, self.analyse_part(analyser, part, text).await))
            .buffer_unordered(self.core.settings.files.concurrency.max(1))
    }

    /// Requests the analysis of a part, and records it.
    async fn analyse_part(&self, analyser: &FileAnalyser<'_>, part: u32, text: &str) -> PartResult {
        let analysis = match analyser.analyse(part, text).await {
            Ok(analysis) => analysis,
            Err(error) => return Ok(Err(error)),
        };
        let jobs = &self.core.ports.file_jobs;
        let recorded = jobs.record_part(self.id(), self.run_id, part, analysis.clone()).await?;
        Ok(Ok((analysis, recorded.ok_or(Incomplete::LeaseLost)?)))
    }

    /// Returns the parts of the text, counted from 0.
    fn parts(&self) -> impl Iterator<Item = (u32, &str)> {
        let ends =
            self.leased.analysis.part_ends.iter().filter_map(|end| usize::try_from(*end).ok());
        let starts = std::iter::once(0).chain(ends.clone());
        let texts =
            starts.zip(ends).map(|(start, end)| self.leased.analysis.content.get(start..end));
        (0..).zip(texts.map(Option::unwrap_or_default))
    }

    /// Stores the analysis. Another version of an analysis waits for the end of a running turn. Returns whether it is
    /// another version.
    async fn complete(&self, analysis: String) -> Result<(CompletedJob, bool), Incomplete> {
        let append = self.new_messages(analysis).await?;
        let is_version = append.version_of.is_some();
        let jobs = &self.core.ports.file_jobs;
        loop {
            let (append, now) = (append.clone(), self.core.now());
            match jobs.complete_job(self.id(), self.run_id, append, now).await? {
                CompleteJobOutcome::Completed(completed) => {
                    return Ok((*completed, is_version));
                }
                CompleteJobOutcome::LeaseLost => return Err(Incomplete::LeaseLost),
                CompleteJobOutcome::TurnInProgress => sleep(TURN_POLL_INTERVAL).await,
            }
        }
    }

    async fn end(&self, reason: Incomplete, publisher: &EventPublisher) {
        let job_id = self.id();
        let outcome = match reason {
            Incomplete::LeaseLost => Ok(()),
            Incomplete::Suspended => self.set_lease_expiry(self.core.now()).await.map(|_| ()),
            Incomplete::Failed(error) => self.fail(error, publisher).await,
            Incomplete::Store(error) => Err(error),
            Incomplete::Panic(panic) => {
                let cause = panic_message(panic.as_ref());
                tracing::error!(%job_id, cause, "file analysis panicked");
                let message = "Something went wrong on the server.".to_owned();
                self.fail(Problem { message, code: "internal".to_owned() }, publisher).await
            }
        };
        if let Err(error) = outcome {
            tracing::warn!(%job_id, error = error_chain(&error), "failed to store outcome of file analysis, retrying when the lease expires");
        }
    }

    async fn fail(&self, error: Problem, publisher: &EventPublisher) -> Result<(), StoreError> {
        tracing::warn!(job_id = %self.id(), code = error.code, "file analysis failed");
        let failed = self.core.ports.file_jobs.fail_job(self.id(), self.run_id, error).await?;
        if let Some(job) = failed {
            publisher.publish(EventBody::FileProgress(FileProgress::from(&job)));
        }
        Ok(())
    }

    async fn set_lease_expiry(&self, until: Timestamp) -> Result<bool, StoreError> {
        self.core.ports.file_jobs.renew_job_lease(self.id(), self.run_id, until).await
    }

    async fn analyser(&self) -> FileAnalyser<'_> {
        let model = self.core.ports.models.first();
        let FileJob { file_name, part_count, instructions, .. } = &self.leased.job;
        let instruction_tokens = match instructions {
            None => 0,
            Some(instructions) => {
                self.core.count_tokens(&model, &user_instructions(instructions)).await
            }
        };
        FileAnalyser {
            core: &self.core,
            model,
            requests: &self.work.requests,
            user_id: self.leased.user_id,
            file_name,
            part_count: *part_count,
            instructions: instructions.as_ref(),
            instruction_tokens,
        }
    }

    pub(super) fn id(&self) -> JobId {
        self.leased.job.job_id
    }

    fn describe_part(&self, part: u32, error: &RequestError) -> Problem {
        let of = self.leased.job.part_count;
        let summary = format!("Part {} of {of} could not be analysed", part + 1);
        self.describe(&summary, error)
    }

    /// Returns the problem that the user sees. Its cause is only logged.
    fn describe(&self, summary: &str, error: &RequestError) -> Problem {
        tracing::warn!(job_id = %self.id(), error = error_chain(error), summary, "file analysis request failed");
        let message = format!("{summary}: {}", user_message(error));
        Problem { message, code: error.code().to_owned() }
    }
}

/// The recorded analysis of a part and the updated job, or the error of the request.
type PartResult = Result<Result<(String, FileJob), RequestError>, Incomplete>;

impl From<StoreError> for Incomplete {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Publishes the progress if it has reached the next step since `done` parts were done.
fn publish_progress(publisher: &EventPublisher, done: u32, job: &FileJob) {
    let step = |done: u32| {
        u64::from(done) * 100 / PROGRESS_STEP_PERCENT / u64::from(job.part_count.max(1))
    };
    if step(job.parts_done) > step(done) {
        publisher.publish(EventBody::FileProgress(FileProgress::from(job)));
    }
}

fn publish_completed(publisher: &EventPublisher, completed: CompletedJob, is_version: bool) {
    let CompletedJob { job, conversation, messages } = completed;
    publisher.publish(EventBody::FileProgress(FileProgress::from(&job)));
    let is_first = messages.first().is_some_and(|question| question.parent_id.is_none());
    if let Some(title) = conversation.title.filter(|_| is_first && !is_version) {
        publisher.publish(EventBody::ConversationUpdated(ConversationChange::Title { title }));
    }
    if is_version {
        publisher.publish(EventBody::ConversationUpdated(ConversationChange::Branch));
    }
    let change = ConversationChange::File { job_id: job.job_id };
    publisher.publish(EventBody::ConversationUpdated(change));
}

#[cfg(test)]
mod tests;
