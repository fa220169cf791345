use std::collections::HashMap;
use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use webchat_domain::{ConversationId, TurnId};

/// How long turns that are cut off have to keep what they have.
const LAST_SAVE: Duration = Duration::from_secs(5);

/// The turns that run in this process.
pub(crate) struct Turns {
    runtime: Handle,
    running: Mutex<HashMap<ConversationId, Running>>,
    tasks: TaskTracker,
    refusing: CancellationToken,
    interrupting: CancellationToken,
}

struct Running {
    turn_id: TurnId,
    stop: CancellationToken,
}

/// What ends a turn before its model does.
#[derive(Clone)]
pub(crate) struct Interrupts {
    /// The user wants no more of it.
    pub(crate) stop: CancellationToken,
    /// The server goes away.
    pub(crate) interrupt: CancellationToken,
}

impl Turns {
    /// Turns run on the runtime of the caller.
    pub(crate) fn new() -> Self {
        Self {
            runtime: Handle::current(),
            running: Mutex::default(),
            tasks: TaskTracker::new(),
            refusing: CancellationToken::new(),
            interrupting: CancellationToken::new(),
        }
    }

    pub(crate) fn are_refused(&self) -> bool {
        self.refusing.is_cancelled()
    }

    pub(crate) fn begin(&self, id: ConversationId, turn_id: TurnId) -> Interrupts {
        let stop = CancellationToken::new();
        let running = Running {
            turn_id,
            stop: stop.clone(),
        };
        self.lock().insert(id, running);
        Interrupts {
            stop,
            interrupt: self.interrupting.clone(),
        }
    }

    /// Runs it to its end, whatever becomes of the caller; shutdown waits for it.
    pub(crate) fn spawn<T: Send + 'static>(
        &self,
        task: impl Future<Output = T> + Send + 'static,
    ) -> JoinHandle<T> {
        self.tasks.spawn_on(task, &self.runtime)
    }

    /// Another turn may have begun in the conversation since this one let go of it.
    pub(crate) fn end(&self, id: ConversationId, turn_id: TurnId) {
        let mut running = self.lock();
        if running.get(&id).is_some_and(|turn| turn.turn_id == turn_id) {
            running.remove(&id);
        }
    }

    pub(crate) fn stop(&self, id: ConversationId) {
        if let Some(turn) = self.lock().get(&id) {
            turn.stop.cancel();
        }
    }

    pub(crate) async fn shutdown(&self, grace: Duration) {
        self.refusing.cancel();
        self.tasks.close();
        if timeout(grace, self.tasks.wait()).await.is_ok() {
            return;
        }
        self.interrupting.cancel();
        if timeout(LAST_SAVE, self.tasks.wait()).await.is_err() {
            tracing::error!(
                turns = self.tasks.len(),
                "turns were lost: the store took too long"
            );
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ConversationId, Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
