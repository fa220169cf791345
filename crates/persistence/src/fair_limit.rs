//! A limit of concurrent work that is fair between users.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};
use webchat_domain::UserId;

use crate::StoreError;

/// A user whose recent usage is higher than this is heavy.
const HEAVY_USAGE: Duration = Duration::from_millis(250);

/// The half-life of past usage.
const HALF_LIFE: Duration = Duration::from_secs(30);

/// The steps in which recent usages are compared: smaller differences don't matter.
const USAGE_STEP: Duration = Duration::from_millis(50);

/// Limits concurrent work in this process: in total, per user, and of all heavy users together. A user is heavy if
/// their recent work took long. Further work waits. The next permit goes to the user with the fewest permits, and among
/// these to the one with the lowest recent usage. So neither a single user nor many heavy ones delay the others.
pub struct FairLimit {
    max_wait: Duration,
    state: SharedState,
}

type SharedState = Arc<Mutex<State>>;

struct State {
    max: usize,
    max_per_user: usize,
    max_of_heavy_users: usize,
    running: usize,
    running_of_heavy_users: usize,
    /// The users with permits or recent usage.
    users: HashMap<UserId, UserState>,
    /// In the order of their arrival.
    waiters: Vec<Waiter>,
}

struct UserState {
    running: usize,
    usage_in_s: f64,
    updated_at: Instant,
}

struct Waiter {
    user_id: Option<UserId>,
    work: Work,
    started: oneshot::Sender<()>,
}

type Work = Box<dyn FnOnce(FairPermit) + Send>;

/// A permit that counts towards the limit until it is dropped. The time until then counts as usage, unless
/// [`FairPermit::release`] is called.
pub struct FairPermit {
    user_id: Option<UserId>,
    is_of_heavy_user: bool,
    acquired_at: Instant,
    used: Option<Duration>,
    state: SharedState,
}

impl FairLimit {
    /// Allows `max` at a time, of which one user has at most a quarter and all heavy users half, both rounded up.
    /// Work waits at most `max_wait`.
    #[must_use]
    pub fn new(max: usize, max_wait: Duration) -> Self {
        let state = State {
            max,
            max_per_user: max.div_ceil(4),
            max_of_heavy_users: max.div_ceil(2),
            running: 0,
            running_of_heavy_users: 0,
            users: HashMap::new(),
            waiters: Vec::new(),
        };
        Self { max_wait, state: Arc::new(Mutex::new(state)) }
    }

    /// Acquires a permit. Work of the server itself has no user.
    ///
    /// # Errors
    /// [`StoreError::Timeout`] if none was free in time.
    pub async fn acquire(&self, user_id: Option<UserId>) -> Result<FairPermit, StoreError> {
        let (sender, permit) = oneshot::channel();
        self.start_when_free(user_id, |permit| _ = sender.send(permit)).await?;
        permit.await.map_err(StoreError::fault)
    }

    /// Calls `start` now if a permit is free, or later on the thread that releases one. Returns after that. `start`
    /// must not block: it starts the work, which keeps the permit. With [`FairLimit::acquire`] instead, a released permit
    /// would be unused until the waiting task is polled, which may take long on a busy thread.
    ///
    /// # Errors
    /// [`StoreError::Timeout`] if no permit was free in time.
    ///
    /// # Cancellation
    /// Dropping the future removes the work from the queue, unless it has started.
    pub async fn start_when_free(
        &self,
        user_id: Option<UserId>,
        start: impl FnOnce(FairPermit) + Send + 'static,
    ) -> Result<(), StoreError> {
        if let Some(permit) = self.try_acquire(user_id) {
            start(permit);
            return Ok(());
        }
        let (started, has_started) = oneshot::channel();
        lock(&self.state).waiters.push(Waiter { user_id, work: Box::new(start), started });
        grant(&self.state);
        match timeout(self.max_wait, has_started).await {
            Ok(result) => result.map_err(StoreError::fault),
            Err(elapsed) => Err(StoreError::timeout(elapsed)),
        }
    }
}

impl FairLimit {
    /// Acquires a permit if one is free and nobody waits for one, which is the usual case.
    fn try_acquire(&self, user_id: Option<UserId>) -> Option<FairPermit> {
        let mut state = lock(&self.state);
        let is_free =
            state.waiters.is_empty() && state.running < state.max && state.may_run(user_id);
        let is_of_heavy_user = is_free.then(|| state.count(user_id))?;
        Some(FairPermit::new(user_id, is_of_heavy_user, &self.state))
    }
}

/// Starts the work of waiters with the free permits.
fn grant(state: &SharedState) {
    loop {
        let next = lock(state).next();
        let Some((waiter, is_of_heavy_user)) = next else { return };
        let permit = FairPermit::new(waiter.user_id, is_of_heavy_user, state);
        if waiter.started.send(()).is_ok() {
            (waiter.work)(permit);
        } else {
            permit.release(Duration::ZERO);
        }
    }
}

impl State {
    /// Takes the next waiter, and counts its permit. Returns whether its user is heavy.
    fn next(&mut self) -> Option<(Waiter, bool)> {
        if self.running >= self.max {
            return None;
        }
        self.waiters.retain(|waiter| !waiter.started.is_closed());
        let candidates = self.waiters.iter().enumerate();
        let candidates = candidates.filter(|(_, waiter)| self.may_run(waiter.user_id));
        let (index, _) = candidates.min_by(|(_, a), (_, b)| self.compare(a.user_id, b.user_id))?;
        let waiter = self.waiters.remove(index);
        let is_of_heavy_user = self.count(waiter.user_id);
        Some((waiter, is_of_heavy_user))
    }

    /// Counts a permit of this user. Returns whether the user is heavy.
    fn count(&mut self, user_id: Option<UserId>) -> bool {
        let is_of_heavy_user = self.is_heavy(user_id);
        self.running += 1;
        self.running_of_heavy_users += usize::from(is_of_heavy_user);
        if let Some(user_id) = user_id {
            self.user_mut(user_id).running += 1;
        }
        is_of_heavy_user
    }

    fn release(&mut self, permit: &FairPermit) {
        self.running -= 1;
        self.running_of_heavy_users -= usize::from(permit.is_of_heavy_user);
        if let Some(user_id) = permit.user_id {
            let duration = permit.used.unwrap_or_else(|| permit.acquired_at.elapsed());
            let user = self.user_mut(user_id);
            user.running -= 1;
            user.usage_in_s = user.recent_usage() + duration.as_secs_f64();
            user.updated_at = Instant::now();
        }
    }

    fn may_run(&self, user_id: Option<UserId>) -> bool {
        self.user(user_id).is_none_or(|user| user.running < self.max_per_user)
            && (self.running_of_heavy_users < self.max_of_heavy_users || !self.is_heavy(user_id))
    }

    fn is_heavy(&self, user_id: Option<UserId>) -> bool {
        self.user(user_id).is_some_and(|user| user.recent_usage() > HEAVY_USAGE.as_secs_f64())
    }

    /// Returns the order in which the work of two users starts.
    fn compare(&self, a: Option<UserId>, b: Option<UserId>) -> Ordering {
        let rank = |user_id| {
            let user = self.user(user_id);
            let usage_steps = user.map_or(0.0, UserState::recent_usage) / USAGE_STEP.as_secs_f64();
            (user.map_or(0, |user| user.running), usage_steps.floor())
        };
        let ((a_running, a_used), (b_running, b_used)) = (rank(a), rank(b));
        a_running.cmp(&b_running).then(a_used.total_cmp(&b_used))
    }

    fn user(&self, user_id: Option<UserId>) -> Option<&UserState> {
        self.users.get(&user_id?)
    }

    /// Returns the state of a user. Forgets other users before it adds one.
    fn user_mut(&mut self, user_id: UserId) -> &mut UserState {
        if !self.users.contains_key(&user_id) {
            self.users.retain(|_, user| !user.can_be_forgotten());
        }
        self.users.entry(user_id).or_insert_with(UserState::new)
    }
}

impl FairPermit {
    fn new(user_id: Option<UserId>, is_of_heavy_user: bool, state: &SharedState) -> Self {
        let state = Arc::clone(state);
        Self { user_id, is_of_heavy_user, acquired_at: Instant::now(), used: None, state }
    }

    /// Whether the user is heavy.
    #[must_use]
    pub fn is_of_heavy_user(&self) -> bool {
        self.is_of_heavy_user
    }

    /// Releases the permit. Counts this time as usage, for example the processor time of the work.
    pub fn release(mut self, used: Duration) {
        self.used = Some(used);
    }
}

impl Drop for FairPermit {
    fn drop(&mut self) {
        lock(&self.state).release(self);
        grant(&self.state);
    }
}

impl UserState {
    fn new() -> Self {
        Self { running: 0, usage_in_s: 0.0, updated_at: Instant::now() }
    }

    fn recent_usage(&self) -> f64 {
        let half_lives = self.updated_at.elapsed().div_duration_f64(HALF_LIFE);
        self.usage_in_s * 0.5_f64.powf(half_lives)
    }

    /// Returns whether the user is equivalent to a new one.
    fn can_be_forgotten(&self) -> bool {
        self.running == 0 && self.recent_usage() < USAGE_STEP.as_secs_f64()
    }
}

fn lock(state: &SharedState) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX_WAIT: Duration = Duration::from_secs(5);

    #[tokio::test(start_paused = true)]
    async fn a_user_gets_a_quarter_and_others_the_rest() {
        let limit = FairLimit::new(4, MAX_WAIT);
        let (greedy, other) = (Some(UserId::generate()), Some(UserId::generate()));

        let first = limit.acquire(greedy).await.unwrap();
        let second = limit.acquire(greedy).await;
        let _others = (limit.acquire(other).await.unwrap(), limit.acquire(None).await.unwrap());
        drop(first);

        assert!(matches!(second, Err(StoreError::Timeout(_))));
        assert!(limit.acquire(greedy).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn heavy_users_leave_half_to_the_others() {
        let limit = FairLimit::new(4, MAX_WAIT);
        let heavy = [(); 3].map(|()| Some(UserId::generate()));
        for user_id in heavy {
            limit.acquire(user_id).await.unwrap().release(HEAVY_USAGE * 2);
        }

        let first = limit.acquire(heavy[0]).await.unwrap();
        let _second = limit.acquire(heavy[1]).await.unwrap();
        let third = limit.acquire(heavy[2]).await;
        let other = limit.acquire(Some(UserId::generate())).await;
        tokio::time::advance(HALF_LIFE * 2).await;
        let third_later = limit.acquire(heavy[2]).await;

        assert!(first.is_of_heavy_user());
        assert!(matches!(third, Err(StoreError::Timeout(_))));
        assert!(!other.unwrap().is_of_heavy_user());
        assert!(third_later.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn the_user_with_the_lowest_usage_is_first_and_then_the_one_who_waited_longest() {
        let limit = FairLimit::new(1, MAX_WAIT);
        let users = [(); 3].map(|()| Some(UserId::generate()));
        limit.acquire(users[0]).await.unwrap().release(USAGE_STEP * 2);
        let running = limit.acquire(None).await.unwrap();
        let order = Mutex::new(Vec::new());

        let run = async |number: usize| {
            let _permit = limit.acquire(users[number]).await.unwrap();
            order.lock().unwrap().push(number);
        };
        tokio::join!(run(0), run(1), run(2), async { drop(running) });

        assert_eq!(order.into_inner().unwrap(), [1, 2, 0]);
    }

    #[tokio::test(start_paused = true)]
    async fn all_permits_together_have_a_limit() {
        let limit = FairLimit::new(1, MAX_WAIT);

        let _only = limit.acquire(None).await.unwrap();

        assert!(matches!(limit.acquire(None).await, Err(StoreError::Timeout(_))));
    }

    #[tokio::test(start_paused = true)]
    async fn waiters_who_gave_up_take_no_permit() {
        let limit = FairLimit::new(1, MAX_WAIT);
        let user_id = UserId::generate();
        let running = limit.acquire(Some(user_id)).await.unwrap();

        let gave_up = timeout(MAX_WAIT / 2, limit.acquire(Some(user_id))).await;
        drop(running);

        assert!(gave_up.is_err());
        assert!(limit.acquire(Some(user_id)).await.is_ok());
        assert!(lock(&limit.state).waiters.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn work_starts_when_a_permit_is_released_even_if_its_task_is_not_polled() {
        let limit = FairLimit::new(1, MAX_WAIT);
        let running = limit.acquire(None).await.unwrap();
        let (sender, mut has_started) = oneshot::channel();
        let mut waiting = Box::pin(limit.start_when_free(None, |permit| _ = sender.send(permit)));

        assert!(timeout(MAX_WAIT / 2, &mut waiting).await.is_err());
        drop(running);

        assert!(has_started.try_recv().is_ok());
    }

    #[tokio::test]
    async fn users_without_permits_are_forgotten() {
        let limit = FairLimit::new(4, MAX_WAIT);

        for _ in 0..100 {
            limit.acquire(Some(UserId::generate())).await.unwrap();
        }

        assert!(lock(&limit.state).users.len() <= 2);
    }
}
