use std::collections::HashMap;
use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;
use webchat_domain::{ConversationId, TurnId, UserId};

use crate::{ChatError, PerUserLimit, Permit};

/// How long a turn holds its conversation without renewing its hold: after that, whoever ran it is
/// taken for dead.
pub(crate) const LEASE: Duration = Duration::from_secs(10);

/// How long turns that are cut off have to keep what they have: longer than they try.
const LAST_SAVE: Duration = Duration::from_secs(8);

/// The turns that run in this process.
pub(crate) struct RunningTurns {
    runtime: Handle,
    running: Mutex<HashMap<ConversationId, Running>>,
    permits: PerUserLimit,
    tasks: TaskTracker,
    refusing: CancellationToken,
    interrupting: CancellationToken,
}

struct Running {
    user_id: UserId,
    turn_id: TurnId,
    stop: CancellationToken,
}

/// What ends a turn before its model does.
#[derive(Clone)]
pub(crate) struct TurnCancellation {
    /// The user wants no more of it.
    pub(crate) stop: CancellationToken,
    /// The server goes away.
    pub(crate) interrupt: CancellationToken,
}

impl RunningTurns {
    /// Turns run on the runtime of the caller.
    pub(crate) fn new() -> Self {
        Self {
            runtime: Handle::current(),
            running: Mutex::default(),
            permits: PerUserLimit::default(),
            tasks: TaskTracker::new(),
            refusing: CancellationToken::new(),
            interrupting: CancellationToken::new(),
        }
    }

    /// Shutdown waits for as long as this is held; `None` once it has begun.
    pub(crate) fn admit(&self) -> Option<TaskTrackerToken> {
        // The token first: a shutdown that begins now either waits for it or is seen here.
        let admission = self.tasks.token();
        (!self.refusing.is_cancelled()).then_some(admission)
    }

    /// A place for one more turn of this user's, if there are fewer than `limit`.
    pub(crate) fn acquire_turn_permit(
        &self,
        user_id: UserId,
        limit: Option<u32>,
    ) -> Result<Permit, ChatError> {
        let most = limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX);
        let limit = limit.unwrap_or(u32::MAX);
        self.permits.acquire(user_id, most).ok_or(ChatError::TooManyTurns { limit })
    }

    pub(crate) fn is_shutting_down(&self) -> bool {
        self.refusing.is_cancelled()
    }

    /// Cancelled when the server begins to go away: nothing new should begin.
    pub(crate) fn refusing(&self) -> CancellationToken {
        self.refusing.clone()
    }

    /// Cancelled when what still runs must end, as the server goes away.
    pub(crate) fn interrupt(&self) -> CancellationToken {
        self.interrupting.clone()
    }

    pub(crate) fn begin(
        &self,
        user_id: UserId,
        id: ConversationId,
        turn_id: TurnId,
    ) -> TurnCancellation {
        let stop = CancellationToken::new();
        let running = Running { user_id, turn_id, stop: stop.clone() };
        self.lock().insert(id, running);
        TurnCancellation { stop, interrupt: self.interrupting.clone() }
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

    /// Stops the turn of a conversation. `false`: none runs here.
    pub(crate) fn stop(&self, id: ConversationId) -> bool {
        let running = self.lock();
        let turn = running.get(&id);
        turn.inspect(|turn| turn.stop.cancel()).is_some()
    }

    /// Stops this turn and no other, if it runs here and is the owner's.
    pub(crate) fn stop_turn(&self, user_id: UserId, id: ConversationId, turn_id: TurnId) {
        let running = self.lock();
        let is_meant = |turn: &&Running| turn.user_id == user_id && turn.turn_id == turn_id;
        if let Some(turn) = running.get(&id).filter(is_meant) {
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
            tracing::error!(turns = self.tasks.len(), "turns were lost: the store took too long");
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ConversationId, Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{Instant, sleep};
    use webchat_domain::{FinishReason, MessageStatus};

    use super::*;
    use crate::testing::{ANSWER, QUESTION, Room};

    const GRACE: Duration = Duration::from_secs(30);

    #[tokio::test(start_paused = true)]
    async fn shutdown_refuses_new_turns() {
        let room = Room::open().await;

        room.chat.shutdown(GRACE).await;
        let refused = room.send(QUESTION).await;

        assert_eq!(refused.unwrap_err().code(), "shutting_down");
        assert_eq!(room.stored().await, []);
    }

    #[tokio::test(start_paused = true)]
    async fn shutdown_waits_for_the_turns_that_run_and_no_longer() {
        let room = Room::open().await;
        let asked = room.ask(QUESTION).await;
        let began = Instant::now();

        let answering = async {
            sleep(Duration::from_secs(20)).await;
            asked.say(ANSWER).await;
            asked.finish(FinishReason::Stop).await;
        };
        tokio::join!(room.chat.shutdown(GRACE), answering);

        assert!(began.elapsed() < GRACE, "{:?}", began.elapsed());
        let answer = room.last_stored().await;
        assert_eq!((answer.content.as_str(), answer.status), (ANSWER, MessageStatus::Complete));
    }

    #[tokio::test(start_paused = true)]
    async fn a_turn_that_outlasts_the_grace_is_interrupted_and_what_came_is_kept() {
        let room = Room::open().await;
        let asked = room.ask(QUESTION).await;
        asked.say("anti").await;
        sleep(Duration::from_secs(3)).await;

        let late = async {
            sleep(Duration::from_secs(29)).await;
            asked.say("dis").await;
        };
        tokio::join!(room.chat.shutdown(GRACE), late);

        assert!(asked.is_dropped());
        assert_eq!(
            room.told().await[2..],
            ["chunk: anti", "chunk: dis", "end: Interrupted, Interrupted", "usage: 16"]
        );
        let answer = room.last_stored().await;
        assert_eq!(answer.content, "antidis");
        assert_eq!(answer.status, MessageStatus::Interrupted);
    }

    #[tokio::test(start_paused = true)]
    async fn a_message_that_is_being_taken_when_shutdown_begins_gets_its_whole_turn() {
        let room = Room::open().await;
        let long_to_count = "word ".repeat(4_000);

        let sending = async { room.send(&long_to_count).await.unwrap() };
        let shutdown = async {
            room.chat.shutdown(GRACE).await;
            room.told().await
        };
        let (_, told) = tokio::join!(sending, shutdown);

        assert_eq!(told[2..], ["end: Interrupted, Interrupted", "usage: 4008"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_turn_that_lets_go_of_its_conversation_leaves_the_next_one_its_place() {
        let turns = RunningTurns::new();
        let (id, first, next) =
            (ConversationId::generate(), TurnId::generate(), TurnId::generate());
        let user_id = UserId::generate();
        turns.begin(user_id, id, first);
        let interrupts = turns.begin(user_id, id, next);

        turns.end(id, first);
        turns.stop(id);

        assert!(interrupts.stop.is_cancelled());
    }
}
