//! The circuit breaker of an upstream.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use thiserror::Error;
use tokio::time::Instant;
use webchat_domain::UserId;

use super::attempt_error::{AttemptError, AttemptErrorKind};
use crate::ModelError;
use crate::deployments::state::BreakerState;
use crate::metrics::{record_breaker, start_series};

/// The number of failures in a row that opens the breaker.
const FAILURE_THRESHOLD: u32 = 5;

/// How many failures of one user count. A user's requests alone can't open the breaker for the others.
const MAX_FAILURES_OF_ONE_USER: u32 = 3;

/// How long the breaker stays open before one request probes the upstream.
const OPEN_DURATION: Duration = Duration::from_secs(5);

/// A circuit breaker: it rejects requests at once while the upstream does not work.
#[derive(Debug)]
pub(crate) struct Breaker {
    deployment: String,
    state: Mutex<State>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Closed(Failures),
    /// Requests are rejected until one may probe the upstream.
    Open {
        probe_at: Instant,
    },
    /// One request is probing the upstream.
    HalfOpen,
}

/// The failures in a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Failures {
    /// The user whose request failed first, and the number of failures of this user.
    first_user: Option<(UserId, u32)>,
    /// The number of the other failures.
    others: u32,
}

impl Failures {
    /// Adds a failure of this user, or one that no user can cause.
    fn add(&mut self, user_id: Option<UserId>) {
        match (self.first_user, user_id) {
            (None, Some(user_id)) => self.first_user = Some((user_id, 1)),
            (Some((first, failures)), Some(user_id)) if first == user_id => {
                self.first_user = Some((first, failures.saturating_add(1)));
            }
            _ => self.others = self.others.saturating_add(1),
        }
    }

    fn count(self) -> u32 {
        let of_first = self.first_user.map_or(0, |(_, failures)| failures);
        of_first.min(MAX_FAILURES_OF_ONE_USER).saturating_add(self.others)
    }
}

/// Permission to send one request. If it is dropped without a result, as when the request is cancelled,
/// the next request may probe instead.
#[derive(Debug)]
pub(crate) struct Permit<'a> {
    breaker: &'a Breaker,
    is_probe: bool,
}

/// The breaker is open.
#[derive(Debug, Error)]
#[error("the circuit breaker is open after {FAILURE_THRESHOLD} failures in a row")]
struct CircuitOpen;

impl Breaker {
    pub(crate) fn new(deployment: &str) -> Self {
        start_series(deployment);
        let state = Mutex::new(State::Closed(Failures::default()));
        Self { deployment: deployment.to_owned(), state }
    }

    /// Acquires permission to send one request.
    ///
    /// # Errors
    ///
    /// When the breaker is open, with the remaining time.
    pub(crate) fn acquire(&self) -> Result<Permit<'_>, AttemptError> {
        let mut state = self.lock();
        let now = Instant::now();
        match *state {
            State::Closed(_) => Ok(Permit { breaker: self, is_probe: false }),
            State::Open { probe_at } if probe_at <= now => {
                *state = State::HalfOpen;
                tracing::info!(deployment = self.deployment, "circuit breaker half-open: probing");
                Ok(Permit { breaker: self, is_probe: true })
            }
            State::Open { probe_at } => Err(circuit_open(Some(probe_at - now))),
            State::HalfOpen => Err(circuit_open(None)),
        }
    }

    pub(crate) fn is_closed(&self) -> bool {
        matches!(*self.lock(), State::Closed(_))
    }

    pub(crate) fn state(&self) -> BreakerState {
        match *self.lock() {
            State::Closed(_) => BreakerState::Closed,
            State::Open { .. } => BreakerState::Open,
            State::HalfOpen => BreakerState::HalfOpen,
        }
    }

    fn open(&self, state: &mut State) {
        *state = State::Open { probe_at: Instant::now() + OPEN_DURATION };
        record_breaker(&self.deployment, true);
        let (deployment, open_ms) = (&self.deployment, OPEN_DURATION.as_millis());
        tracing::warn!(deployment, open_ms, "circuit breaker opened");
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Permit<'_> {
    /// Records that the upstream answered.
    pub(crate) fn record_success(self) {
        let mut state = self.breaker.lock();
        if !matches!(*state, State::Closed(_)) {
            record_breaker(&self.breaker.deployment, false);
            tracing::info!(deployment = self.breaker.deployment, "circuit breaker closed");
        }
        *state = State::Closed(Failures::default());
    }

    /// Records that the upstream failed for this user, or in a way that no request can cause.
    pub(crate) fn record_failure(self, user_id: Option<UserId>) {
        let mut state = self.breaker.lock();
        match &mut *state {
            State::Closed(failures) => {
                failures.add(user_id);
                if failures.count() >= FAILURE_THRESHOLD {
                    self.breaker.open(&mut state);
                }
            }
            State::HalfOpen if self.is_probe => self.breaker.open(&mut state),
            // The request was sent before the breaker opened: its result is outdated.
            State::Open { .. } | State::HalfOpen => {}
        }
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        let mut state = self.breaker.lock();
        if self.is_probe && *state == State::HalfOpen {
            *state = State::Open { probe_at: Instant::now() };
        }
    }
}

fn circuit_open(retry_after: Option<Duration>) -> AttemptError {
    let error = ModelError::Unreachable { retry_after, cause: CircuitOpen.into() };
    AttemptError { model_error: error, kind: AttemptErrorKind::Permanent }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    fn fail(breaker: &Breaker, times: u32) {
        (0..times).for_each(|_| breaker.acquire().unwrap().record_failure(None));
    }

    fn open_breaker() -> Breaker {
        let breaker = Breaker::new("default");
        fail(&breaker, FAILURE_THRESHOLD);
        breaker
    }

    fn retry_after(breaker: &Breaker) -> Option<Duration> {
        breaker.acquire().unwrap_err().model_error.retry_after()
    }

    #[tokio::test(start_paused = true)]
    async fn five_failures_in_a_row_open_the_breaker_for_the_remaining_time() {
        let breaker = open_breaker();

        advance(Duration::from_secs(2)).await;

        assert_eq!(retry_after(&breaker), Some(Duration::from_secs(3)));
    }

    #[tokio::test(start_paused = true)]
    async fn the_failures_of_one_user_do_not_open_the_breaker_for_others() {
        let breaker = Breaker::new("default");
        let [user, other] = [UserId::generate(), UserId::generate()].map(Some);
        let fail = |user_id| breaker.acquire().unwrap().record_failure(user_id);

        (0..100).for_each(|_| fail(user));
        fail(other);
        let before = breaker.is_closed();
        fail(other);

        assert!(before && !breaker.is_closed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_success_between_failures_resets_the_count() {
        let breaker = Breaker::new("default");

        fail(&breaker, FAILURE_THRESHOLD - 1);
        breaker.acquire().unwrap().record_success();
        fail(&breaker, FAILURE_THRESHOLD - 1);

        assert!(breaker.acquire().is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_successful_probe_closes_the_breaker() {
        let breaker = open_breaker();
        advance(OPEN_DURATION).await;

        let probe = breaker.acquire().unwrap();
        let meanwhile = retry_after(&breaker);
        probe.record_success();

        assert_eq!(meanwhile, None);
        fail(&breaker, FAILURE_THRESHOLD - 1);
        assert!(breaker.is_closed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_failed_probe_opens_the_breaker_again() {
        let breaker = open_breaker();
        advance(OPEN_DURATION).await;

        breaker.acquire().unwrap().record_failure(None);

        assert_eq!(retry_after(&breaker), Some(OPEN_DURATION));
    }

    #[tokio::test(start_paused = true)]
    async fn a_cancelled_probe_lets_the_next_request_probe() {
        let breaker = open_breaker();
        advance(OPEN_DURATION).await;

        drop(breaker.acquire().unwrap());

        assert!(breaker.acquire().is_ok_and(|permit| permit.is_probe));
    }

    #[tokio::test(start_paused = true)]
    async fn failures_of_earlier_requests_do_not_affect_the_probe() {
        let breaker = Breaker::new("default");
        let [early, late] = [breaker.acquire().unwrap(), breaker.acquire().unwrap()];
        fail(&breaker, FAILURE_THRESHOLD);
        early.record_failure(None);
        advance(OPEN_DURATION).await;

        let _probe = breaker.acquire().unwrap();
        late.record_failure(None);

        assert_eq!(retry_after(&breaker), None);
    }
}
