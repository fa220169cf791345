use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{FutureExt, StreamExt};
use tokio::runtime::Handle;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use webchat_persistence::{Signal, StoreError};

use crate::core::Core;
use crate::fault::{cause, panic_message};

/// How long is waited before signals are listened to again.
const LISTEN_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// What goes on beside requests and turns, until the last turn of a shutdown has ended.
pub(crate) struct Background {
    runtime: Handle,
    tasks: TaskTracker,
    ending: CancellationToken,
}

impl Background {
    /// Runs on the runtime of the caller.
    pub(crate) fn new() -> Self {
        Self {
            runtime: Handle::current(),
            tasks: TaskTracker::new(),
            ending: CancellationToken::new(),
        }
    }

    pub(crate) async fn end(&self) {
        self.ending.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Runs it until the end, at any point of which it may be dropped.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let ending = self.ending.clone();
        let task = async move {
            tokio::select! {
                () = task => {}
                () = ending.cancelled() => {}
            }
        };
        self.tasks.spawn_on(task, &self.runtime);
    }
}

impl Core {
    pub(crate) async fn listen(self: Arc<Self>) {
        let listening = || Arc::clone(&self).listen_once();
        run_periodically("signals can't be heard", LISTEN_AGAIN_AFTER, listening).await;
    }

    async fn listen_once(self: Arc<Self>) -> Result<(), StoreError> {
        let mut signals = self.ports.signals.subscribe().await?;
        while let Some(signal) = signals.next().await {
            match signal {
                Signal::Stop { user_id, conversation_id, turn_id } => {
                    self.running.stop_turn(user_id, conversation_id, turn_id);
                }
                Signal::ListChanged { user_id, conversation_id } => {
                    self.lists.tell(user_id, conversation_id);
                }
            }
        }
        Ok(())
    }
}

/// Never ends. A pass that fails or panics is logged, in these words, and the next one is made all the
/// same.
pub(crate) async fn run_periodically<F: Future<Output = Result<(), StoreError>>>(
    failing: &'static str,
    pause: Duration,
    pass: impl Fn() -> F,
) {
    loop {
        match AssertUnwindSafe(pass()).catch_unwind().await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(error = cause(&error), "{failing}"),
            Err(panic) => tracing::error!(panic = panic_message(panic.as_ref()), "{failing}"),
        }
        sleep(pause).await;
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;
    use webchat_persistence::{MockConversations, MockFileJobs, MockSignals};

    use super::*;
    use crate::testing::Room;

    #[tokio::test(start_paused = true)]
    async fn what_panics_once_in_the_background_goes_on() {
        let (mut signals, mut conversations, mut file_jobs) =
            (MockSignals::new(), MockConversations::new(), MockFileJobs::new());
        signals.expect_subscribe().times(1).returning(|| panic!("signals"));
        signals.expect_subscribe().times(1..).returning(|| Ok(stream::pending().boxed()));
        conversations.expect_claim_expired_turns().times(1).returning(|_, _, _, _| panic!("turns"));
        conversations
            .expect_claim_expired_turns()
            .times(1..)
            .returning(|_, _, _, _| Ok(Vec::new()));
        file_jobs.expect_take_job().times(1).returning(|_, _, _| panic!("files"));
        file_jobs.expect_take_job().times(1..).returning(|_, _, _| Ok(None));
        let room = Room::open().await.on(|ports| {
            ports.signals = Arc::new(signals);
            ports.conversations = Arc::new(conversations);
            ports.file_jobs = Arc::new(file_jobs);
        });

        room.chat.spawn_background_tasks();
        room.wait(Duration::from_secs(10)).await;

        // The mocks see to it that they are called again.
        room.chat.shutdown(Duration::ZERO).await;
    }
}
