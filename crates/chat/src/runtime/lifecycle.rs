//! The lifecycle of the process: which tasks run, and how a shutdown ends them.

use std::future::Future;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

/// How long aborted tasks have to save their state. It must exceed the time that they spend on retries.
const FINAL_SAVE_GRACE: Duration = Duration::from_secs(8);

/// The lifecycle of the process: running, then draining, then aborting what is left.
///
/// Tasks run on the runtime of whoever created this, so that they outlive the runtime of a caller.
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

    /// Admits new work: shutdown waits until the token is dropped. Returns `None` once shutdown has begun.
    pub(crate) fn admit(&self) -> Option<TaskTrackerToken> {
        // Take the token first: a shutdown that begins now either waits for it or is seen here.
        let admission = self.tasks.token();
        (!self.is_draining()).then_some(admission)
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.is_cancelled()
    }

    /// Cancelled when shutdown begins: start nothing new.
    pub(crate) fn draining(&self) -> CancellationToken {
        self.draining.clone()
    }

    /// Cancelled when the grace period of a shutdown is over: save state and stop.
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

    /// Runs a task until the last detached task of a shutdown has ended, then drops it.
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

    /// Waits up to `grace` for detached tasks, then aborts them, and finally drops background tasks.
    pub(crate) async fn shutdown(&self, grace: Duration) {
        self.drain(grace).await;
        self.drained.cancel();
        self.background.close();
        self.background.wait().await;
    }

    async fn drain(&self, grace: Duration) {
        self.draining.cancel();
        self.tasks.close();
        if timeout(grace, self.tasks.wait()).await.is_ok() {
            return;
        }
        self.aborting.cancel();
        if timeout(FINAL_SAVE_GRACE, self.tasks.wait()).await.is_err() {
            tracing::error!(tasks = self.tasks.len(), "lost tasks that could not save in time");
        }
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
    async fn shutdown_refuses_new_turns() {
        let test = TestChat::new().await;

        test.chat.shutdown(GRACE).await;
        let refused = test.send(QUESTION).await;

        assert_eq!(refused.unwrap_err().code(), "shutting_down");
        assert_eq!(test.messages().await, []);
    }

    #[tokio::test(start_paused = true)]
    async fn shutdown_waits_for_the_turns_that_run_and_no_longer() {
        let test = TestChat::new().await;
        let request = test.ask(QUESTION).await;
        let began = Instant::now();

        let answering = async {
            sleep(Duration::from_secs(20)).await;
            request.send_text(ANSWER).await;
            request.finish(FinishReason::Stop).await;
        };
        tokio::join!(test.chat.shutdown(GRACE), answering);

        assert!(began.elapsed() < GRACE, "{:?}", began.elapsed());
        let answer = test.last_message().await;
        assert_eq!((answer.content.as_str(), answer.status), (ANSWER, MessageStatus::Complete));
    }

    #[tokio::test(start_paused = true)]
    async fn a_turn_that_outlasts_the_grace_is_interrupted_and_what_came_is_kept() {
        let test = TestChat::new().await;
        let request = test.ask(QUESTION).await;
        request.send_text("anti").await;
        sleep(Duration::from_secs(3)).await;

        let late = async {
            sleep(Duration::from_secs(29)).await;
            request.send_text("dis").await;
        };
        tokio::join!(test.chat.shutdown(GRACE), late);

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
    async fn a_message_that_is_being_taken_when_shutdown_begins_gets_its_whole_turn() {
        let test = TestChat::new().await;
        let long_to_count = "word ".repeat(4_000);

        let sending = async { test.send(&long_to_count).await.unwrap() };
        let shutdown = async {
            test.chat.shutdown(GRACE).await;
            test.published().await
        };
        let (_, told) = tokio::join!(sending, shutdown);

        assert_eq!(told[2..], ["end: Interrupted, Interrupted", "usage: 4008"]);
    }
}
