use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use thiserror::Error;
use tokio::time::Instant;

use crate::ModelError;
use crate::fault::{Fault, FaultKind};

/// So many failures, with nothing else between them, open the breaker.
const FAILURES: u32 = 5;

/// How long the upstream is let alone before one request tries whether it works again.
const REST: Duration = Duration::from_secs(5);

/// Spares users the wait for an upstream that does not work, and the upstream their requests.
#[derive(Debug)]
pub(crate) struct Breaker {
    state: Mutex<State>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Closed {
        failures: u32,
    },
    Open {
        until: Instant,
    },
    /// One request is on its way to try the upstream.
    HalfOpen,
}

/// Leave to ask the upstream. Without a verdict, as when the asking is cancelled, nothing is learnt:
/// the next request may try in its place.
#[derive(Debug)]
pub(crate) struct Pass<'a> {
    breaker: &'a Breaker,
    is_probe: bool,
}

/// The breaker is open.
#[derive(Debug, Error)]
#[error("the upstream is let alone after {FAILURES} failures in a row")]
struct LetAlone;

impl Breaker {
    pub(crate) fn new() -> Self {
        Self { state: Mutex::new(State::Closed { failures: 0 }) }
    }

    /// Leave to ask the upstream.
    ///
    /// # Errors
    ///
    /// When it is let alone, with the time until it is not.
    pub(crate) fn enter(&self) -> Result<Pass<'_>, Fault> {
        let mut state = self.state();
        let now = Instant::now();
        match *state {
            State::Closed { .. } => Ok(Pass { breaker: self, is_probe: false }),
            State::Open { until } if until <= now => {
                *state = State::HalfOpen;
                tracing::info!("the upstream is tried again");
                Ok(Pass { breaker: self, is_probe: true })
            }
            State::Open { until } => Err(let_alone(Some(until - now))),
            State::HalfOpen => Err(let_alone(None)),
        }
    }

    pub(crate) fn is_closed(&self) -> bool {
        matches!(*self.state(), State::Closed { .. })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn open(&mut self) {
        *self = Self::Open { until: Instant::now() + REST };
        tracing::warn!(rest_ms = REST.as_millis(), "the upstream fails and is let alone");
    }
}

impl Pass<'_> {
    /// The upstream works.
    pub(crate) fn succeeded(self) {
        let mut state = self.breaker.state();
        if !matches!(*state, State::Closed { .. }) {
            tracing::info!("the upstream works again");
        }
        *state = State::Closed { failures: 0 };
    }

    /// The upstream does not work.
    pub(crate) fn failed(self) {
        let mut state = self.breaker.state();
        match &mut *state {
            State::Closed { failures } => {
                *failures += 1;
                if *failures >= FAILURES {
                    state.open();
                }
            }
            State::HalfOpen if self.is_probe => state.open(),
            // A request from before: what is known is newer.
            State::Open { .. } | State::HalfOpen => {}
        }
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        let mut state = self.breaker.state();
        if self.is_probe && *state == State::HalfOpen {
            *state = State::Open { until: Instant::now() };
        }
    }
}

fn let_alone(retry_after: Option<Duration>) -> Fault {
    let error = ModelError::Unreachable { retry_after, cause: LetAlone.into() };
    Fault { error, kind: FaultKind::Final }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    fn fail(breaker: &Breaker, times: u32) {
        (0..times).for_each(|_| breaker.enter().unwrap().failed());
    }

    fn opened() -> Breaker {
        let breaker = Breaker::new();
        fail(&breaker, FAILURES);
        breaker
    }

    fn wait_told(breaker: &Breaker) -> Option<Duration> {
        breaker.enter().unwrap_err().error.retry_after()
    }

    #[tokio::test(start_paused = true)]
    async fn five_failures_in_a_row_open_it_and_the_rest_of_its_time_is_told() {
        let breaker = opened();

        advance(Duration::from_secs(2)).await;

        assert_eq!(wait_told(&breaker), Some(Duration::from_secs(3)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_success_between_failures_begins_the_count_anew() {
        let breaker = Breaker::new();

        fail(&breaker, FAILURES - 1);
        breaker.enter().unwrap().succeeded();
        fail(&breaker, FAILURES - 1);

        assert!(breaker.enter().is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn after_its_rest_one_request_tries_and_its_success_closes_it() {
        let breaker = opened();
        advance(REST).await;

        let probe = breaker.enter().unwrap();
        let meanwhile = wait_told(&breaker);
        probe.succeeded();

        assert_eq!(meanwhile, None);
        fail(&breaker, FAILURES - 1);
        assert!(breaker.is_closed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_try_that_fails_lets_it_rest_once_more() {
        let breaker = opened();
        advance(REST).await;

        breaker.enter().unwrap().failed();

        assert_eq!(wait_told(&breaker), Some(REST));
    }

    #[tokio::test(start_paused = true)]
    async fn a_try_that_is_cancelled_leaves_its_place_to_the_next() {
        let breaker = opened();
        advance(REST).await;

        drop(breaker.enter().unwrap());

        assert!(breaker.enter().is_ok_and(|pass| pass.is_probe));
    }

    #[tokio::test(start_paused = true)]
    async fn requests_from_before_can_not_fail_the_one_that_tries() {
        let breaker = Breaker::new();
        let [early, late] = [breaker.enter().unwrap(), breaker.enter().unwrap()];
        fail(&breaker, FAILURES);
        early.failed();
        advance(REST).await;

        let _probe = breaker.enter().unwrap();
        late.failed();

        assert_eq!(wait_told(&breaker), None);
    }
}
