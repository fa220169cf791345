//! Background tasks that run periodically until they are dropped.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::time::sleep;
use webchat_domain::error_chain;
use webchat_persistence::StoreError;

use super::panic_message::panic_message;

/// Calls `run` repeatedly, with a pause of `interval` after each call. A call that fails or panics is logged with
/// `failure_message` and doesn't prevent the next one.
///
/// This is not a retry: the next call also follows a successful one.
pub(crate) async fn repeat_forever<F: Future<Output = Result<(), StoreError>>>(
    failure_message: &'static str,
    interval: Duration,
    run: impl Fn() -> F,
) {
    loop {
        match AssertUnwindSafe(run()).catch_unwind().await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(error = error_chain(&error), "{failure_message}"),
            Err(panic) => {
                tracing::error!(panic = panic_message(panic.as_ref()), "{failure_message}");
            }
        }
        sleep(interval).await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures_util::{StreamExt, stream};
    use webchat_persistence::{MockConversations, MockFileJobs, MockSignals};

    use super::*;
    use crate::testing::TestChat;

    #[tokio::test(start_paused = true)]
    async fn background_tasks_keep_running_after_a_panic() {
        let (mut signals, mut conversations, mut file_jobs) =
            (MockSignals::new(), MockConversations::new(), MockFileJobs::new());
        signals.expect_subscribe().times(1).returning(|| panic!("signals"));
        signals.expect_subscribe().times(1..).returning(|| Ok(stream::pending().boxed()));
        signals.expect_publish().times(1).returning(|_| panic!("heartbeats"));
        signals.expect_publish().times(1..).returning(|_| Ok(()));
        conversations
            .expect_claim_expired_turns()
            .times(1)
            .returning(|_, _, _, _, _| panic!("turns"));
        conversations
            .expect_claim_expired_turns()
            .times(1..)
            .returning(|_, _, _, _, _| Ok(Vec::new()));
        file_jobs.expect_lease_job().times(1).returning(|_, _, _| panic!("files"));
        file_jobs.expect_lease_job().times(1..).returning(|_, _, _| Ok(None));
        let test = TestChat::new().await.with_ports(|ports| {
            ports.signals = Arc::new(signals);
            ports.conversations = Arc::new(conversations);
            ports.file_jobs = Arc::new(file_jobs);
        });

        test.chat.spawn_background_tasks();
        test.advance(Duration::from_secs(10)).await;

        // The mocks verify that they were called again.
        test.chat.shutdown(Duration::ZERO).await;
    }
}
