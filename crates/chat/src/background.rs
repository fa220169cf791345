use std::future::Future;
use std::time::Duration;

use futures_util::StreamExt;
use tokio::runtime::Handle;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use webchat_persistence::{Signal, StoreError};

use crate::Chat;
use crate::turn::cause;

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
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
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

impl Chat {
    /// Begins what goes on in the background until the shutdown: other instances are listened to, the
    /// turns are ended that dead ones left behind, and files are analysed, also those that a server left
    /// unfinished. At shutdown what was asked about a file is still answered and kept, within the grace;
    /// the rest goes on elsewhere or later.
    /// To be called once for each set of ports.
    pub fn begin_background(&self) {
        self.background.spawn(self.clone().listen());
        self.background.spawn(self.clone().look_for_lapsed_turns());
        self.analyse_files();
    }

    async fn listen(self) {
        loop {
            if let Err(error) = self.listen_once().await {
                tracing::warn!(error = cause(&error), "signals can't be heard");
            }
            sleep(LISTEN_AGAIN_AFTER).await;
        }
    }

    async fn listen_once(&self) -> Result<(), StoreError> {
        let mut signals = self.ports.signals.subscribe().await?;
        while let Some(signal) = signals.next().await {
            match signal {
                Signal::Stop { owner, conversation_id, turn_id } => {
                    self.turns.stop_turn(owner, conversation_id, turn_id);
                }
                Signal::ListChanged { owner, conversation_id } => {
                    self.lists.tell(owner, conversation_id);
                }
            }
        }
        Ok(())
    }
}
