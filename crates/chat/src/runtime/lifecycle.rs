//! The lifecycle of the process: runs its tasks and ends them at shutdown.

use std::future::Future;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

use crate::error::ChatError;

/// The time that aborted tasks have to save their state. It must exceed the total time of their retries.
const FINAL_SAVE_GRACE: Duration = Duration::from_secs(8);

/// The time that background tasks have to stop. They save nothing.
const BACKGROUND_GRACE: Duration = Duration::from_secs(1);

/// The lifecycle of the process: first running, then draining, then aborting the remaining tasks.
///
/// Tasks run on the Tokio runtime that was current in [`Lifecycle::new`], so that they outlive the runtime of
/// a caller.
pub(crate) struct Lifecycle {
    runtime: Handle,
    tasks: TaskTracker,
    background: TaskTracker,
    draining: CancellationToken,
    aborting: CancellationToken,
    drained: CancellationToken,
}

impl Lifecycle {
    pub(crate) fn new() -> Self {
        Self {
            runtime: Handle::current(),
            tasks: TaskTracker::new(),
            background: TaskTracker::new(),
            draining: CancellationToken::new(),
            aborting: CancellationToken::new(),
            drained: CancellationToken::new(),
        }
    }

    /// Admits new work: shutdown waits until the token is dropped.
    ///
    /// # Errors
    /// [`ChatError::ShuttingDown`] once shutdown has begun.
    pub(crate) fn admit(&self) -> Result<TaskTrackerToken, ChatError> {
        // Take the token first: a concurrent shutdown then either waits for the token or is detected below.
        let admission = self.tasks.token();
        if self.is_draining() { Err(ChatError::ShuttingDown) } else { Ok(admission) }
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.is_cancelled()
    }

    /// Returns a token that is cancelled when shutdown begins: tasks must start nothing new.
    pub(crate) fn draining(&self) -> CancellationToken {
        self.draining.clone()
    }

    /// Returns a token that is cancelled when the grace period of a shutdown is over: tasks must save their
    /// state and stop.
    pub(crate) fn aborting(&self) -> CancellationToken {
        self.aborting.clone()
    }

    /// Runs a task to completion, even if the caller is dropped. Shutdown waits for it.
    pub(crate) fn spawn_detached<T: Send + 'static>(
        &self,
        task: impl Future<Output = T> + Send + 'static,
    ) -> JoinHandle<T> {
        self.tasks.spawn_on(task, &self.runtime)
    }

    /// Runs a task until shutdown, which drops it once all detached tasks have ended.
    pub(crate) fn spawn_background(&self, task: impl Future<Output = ()> + Send + 'static) {
        let drained = self.drained.clone();
        let task = async move {
            tokio::select! {
                () = task => {}
                () = drained.cancelled() => {}
            }
        };
        self.background.spawn_on(task, &self.runtime);
    }

    /// Waits up to `grace` for detached tasks, then aborts the remaining ones, and finally drops the
    /// background tasks. Returns the number of tasks that had not ended [`FINAL_SAVE_GRACE`] later.
    pub(crate) async fn shutdown(&self, grace: Duration) -> usize {
        let unfinished = self.drain(grace).await;
        self.drained.cancel();
        self.background.close();
        if timeout(BACKGROUND_GRACE, self.background.wait()).await.is_err() {
            tracing::warn!(
                tasks = self.background.len(),
                "background tasks failed to stop in time"
            );
        }
        unfinished
    }

    async fn drain(&self, grace: Duration) -> usize {
        self.draining.cancel();
        self.tasks.close();
        if timeout(grace, self.tasks.wait()).await.is_ok() {
            return 0;
        }
        self.aborting.cancel();
        if timeout(FINAL_SAVE_GRACE, self.tasks.wait()).await.is_ok() {
            return 0;
        }
        let tasks = self.tasks.len();
        tracing::error!(
            tasks,
            "tasks did not end before the shutdown deadline, unsaved results are lost"
        );
        tasks
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{Instant, sleep};
    use webchat_domain::{FinishReason, MessageStatus};

    use super::*;
    use crate::testing::{ANSWER, QUESTION, TestChat};

    const GRACE: Duration = Duration::from_secs(30);

    #[tokio::test(start_paused = true)]
    async fn shutdown_rejects_new_turns() {
        let test = TestChat::new().await;

        test.chat.shutdown(GRACE).await;
        let rejected = test.send(QUESTION).await;

        assert_eq!(rejected.unwrap_err().code(), "shutting_down");
        assert_eq!(test.messages().await, []);
    }

    #[tokio::test(start_paused = true)]
    async fn shutdown_returns_as_soon_as_the_running_turns_end() {
        let test = TestChat::new().await;
        let request = test.ask(QUESTION).await;
        let start = Instant::now();

        let answering = async {
            sleep(Duration::from_secs(20)).await;
            request.send_text(ANSWER).await;
            request.finish(FinishReason::Stop).await;
        };
        tokio::join!(test.chat.shutdown(GRACE), answering);

        assert!(start.elapsed() < GRACE, "{:?}", start.elapsed());
        let answer = test.last_message().await;
        assert_eq!((answer.content.as_str(), answer.status), (ANSWER, MessageStatus::Complete));
    }

    #[tokio::test(start_paused = true)]
    async fn a_turn_that_exceeds_the_grace_period_is_interrupted_and_its_partial_answer_is_saved() {
        let test = TestChat::new().await;
        let request = test.ask(QUESTION).await;
        request.send_text("anti").await;
        sleep(Duration::from_secs(3)).await;

        let answering = async {
            sleep(Duration::from_secs(29)).await;
            request.send_text("dis").await;
        };
        tokio::join!(test.chat.shutdown(GRACE), answering);

        assert!(request.is_cancelled());
        assert_eq!(
            test.published().await[2..],
            ["chunk: anti", "chunk: dis", "end: Interrupted, Interrupted", "usage: 16"]
        );
        let answer = test.last_message().await;
        assert_eq!(answer.content, "antidis");
        assert_eq!(answer.status, MessageStatus::Interrupted);
    }

    #[tokio::test(start_paused = true)]
    async fn shutdown_ends_at_its_deadline_and_reports_unfinished_tasks() {
        let test = TestChat::new().await;
        let idle = TestChat::new().await;
        test.chat.core.lifecycle.spawn_detached(std::future::pending::<()>());
        let start = Instant::now();

        let unfinished = test.chat.shutdown(GRACE).await;

        assert_eq!((unfinished, idle.chat.shutdown(GRACE).await), (1, 0));
        assert!(start.elapsed() < GRACE + Duration::from_secs(10), "{:?}", start.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_turn_that_was_admitted_before_shutdown_is_published_completely() {
        let test = TestChat::new().await;
        let long_message = "word ".repeat(4_000);

        let sending = async { test.send(&long_message).await.unwrap() };
        let shutdown = async {
            test.chat.shutdown(GRACE).await;
            test.published().await
        };
        let (_, published) = tokio::join!(sending, shutdown);

        assert_eq!(published[2..], ["end: Interrupted, Interrupted", "usage: 4008"]);
    }
}
