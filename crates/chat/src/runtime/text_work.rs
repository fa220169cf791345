//! Limits the CPU-intensive work on long texts: counting their tokens, and splitting them.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use webchat_domain::UserId;
use webchat_persistence::{StoreError, spawn_cpu_work};

use super::limits::{PerUserLimit, Permit};
use crate::error::ChatError;
use crate::metrics::Gauge;

/// The maximum number of texts that this process works on concurrently.
const MAX_TEXTS: usize = 4;

/// The maximum number of texts of one user that this process works on concurrently. The user's other texts wait.
const MAX_TEXTS_PER_USER: usize = 1;

/// Runs work on long texts with limited concurrency.
pub(crate) struct TextWork {
    total: Arc<Semaphore>,
    users: PerUserLimit,
}

/// A permit to work on one text until it is dropped.
struct TextPermit {
    _total: Option<OwnedSemaphorePermit>,
    _user: Permit,
}

impl TextWork {
    pub(crate) fn new() -> Self {
        Self { total: Arc::new(Semaphore::new(MAX_TEXTS)), users: PerUserLimit::default() }
    }

    /// Waits for a permit, and runs the work on a thread for CPU-intensive work. The work must return `None` soon
    /// after its token is cancelled. Cancelling `abort` cancels the token.
    ///
    /// # Errors
    /// [`ChatError::ShuttingDown`] if `abort` is cancelled first.
    ///
    /// # Cancellation
    /// If the future is dropped, the work's token is cancelled. The permit is held until the work ends.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        user_id: UserId,
        abort: &CancellationToken,
        work: impl FnOnce(&CancellationToken) -> Option<T> + Send + 'static,
    ) -> Result<T, ChatError> {
        let cancelled = abort.child_token();
        let _cancel_on_drop = cancelled.clone().drop_guard();
        let permit = cancelled.run_until_cancelled(self.acquire(user_id)).await;
        let permit = permit.ok_or(ChatError::ShuttingDown)?;
        let task = spawn_cpu_work({
            let cancelled = cancelled.clone();
            move || {
                let result = work(&cancelled);
                drop(permit);
                result
            }
        });
        task.await.map_err(StoreError::fault)?.ok_or(ChatError::ShuttingDown)
    }

    async fn acquire(&self, user_id: UserId) -> TextPermit {
        let _waiting = Gauge::WaitingTexts.count();
        let user = self.users.acquire_when_free(user_id, MAX_TEXTS_PER_USER).await;
        // The semaphore is never closed.
        let total = Arc::clone(&self.total).acquire_owned().await.ok();
        TextPermit { _total: total, _user: user }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::time::Duration;

    use tokio::task::JoinHandle;
    use tokio::time::sleep;
    use tokio_util::task::TaskTracker;

    use super::*;

    const SHORT_WAIT: Duration = Duration::from_millis(50);

    /// Work that runs until [`Work::end`] is called.
    struct Work {
        end: Sender<()>,
        started: Receiver<()>,
        task: JoinHandle<Result<(), ChatError>>,
    }

    impl Work {
        fn start(texts: &Arc<TextWork>, user_id: UserId) -> Self {
            let (texts, (end, ended), (start, started)) = (Arc::clone(texts), channel(), channel());
            let task = TaskTracker::new().spawn(async move {
                let work = move |_: &CancellationToken| {
                    start.send(()).unwrap();
                    ended.recv().ok()
                };
                texts.run(user_id, &CancellationToken::new(), work).await
            });
            Self { end, started, task }
        }

        async fn has_started(&self) -> bool {
            sleep(SHORT_WAIT).await;
            self.started.try_recv().is_ok()
        }

        async fn end(self) {
            self.end.send(()).unwrap();
            self.task.await.unwrap().unwrap();
        }
    }

    #[tokio::test]
    async fn the_texts_of_one_user_are_processed_one_at_a_time_and_do_not_delay_others() {
        let texts = Arc::new(TextWork::new());
        let (user, other) = (UserId::generate(), UserId::generate());

        let first = Work::start(&texts, user);
        assert!(first.has_started().await);
        let second = Work::start(&texts, user);
        assert!(!second.has_started().await);
        let of_other = Work::start(&texts, other);
        assert!(of_other.has_started().await);
        first.end().await;

        assert!(second.has_started().await);
        second.end().await;
        of_other.end().await;
    }

    #[tokio::test]
    async fn all_users_together_are_limited() {
        let texts = Arc::new(TextWork::new());
        let mut running: Vec<_> =
            (0..MAX_TEXTS).map(|_| Work::start(&texts, UserId::generate())).collect();
        for work in &running {
            assert!(work.has_started().await);
        }

        let one_more = Work::start(&texts, UserId::generate());
        assert!(!one_more.has_started().await);
        running.pop().unwrap().end().await;

        assert!(one_more.has_started().await);
        one_more.end().await;
        for work in running {
            work.end().await;
        }
    }

    #[tokio::test]
    async fn dropping_the_caller_cancels_its_work() {
        let texts = Arc::new(TextWork::new());
        let user_id = UserId::generate();
        let (ended, is_ended) = channel();
        let abort = CancellationToken::new();
        let work = move |cancelled: &CancellationToken| {
            while !cancelled.is_cancelled() {
                std::thread::sleep(Duration::from_millis(1));
            }
            ended.send(()).ok()
        };

        let left = tokio::time::timeout(SHORT_WAIT, texts.run(user_id, &abort, work)).await;

        assert!(left.is_err());
        is_ended.recv_timeout(Duration::from_secs(10)).unwrap();
        let next = texts.run(user_id, &abort, |_| Some(()));
        tokio::time::timeout(Duration::from_secs(10), next).await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn shutdown_cancels_running_and_waiting_work() {
        let texts = TextWork::new();
        let (user_id, abort) = (UserId::generate(), CancellationToken::new());
        let until_cancelled = |cancelled: &CancellationToken| {
            while !cancelled.is_cancelled() {
                std::thread::sleep(Duration::from_millis(1));
            }
            None::<()>
        };

        let running = texts.run(user_id, &abort, until_cancelled);
        let waiting = texts.run(user_id, &abort, |_| Some(()));
        let shutdown = async {
            sleep(SHORT_WAIT).await;
            abort.cancel();
        };
        let (running, waiting, ()) = tokio::join!(running, waiting, shutdown);

        assert_eq!(running.unwrap_err().code(), "shutting_down");
        assert_eq!(waiting.unwrap_err().code(), "shutting_down");
    }
}
