//! Retries with exponential backoff, bounded by a budget.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::attempt_error::AttemptError;

/// The maximum number of attempts per request.
const MAX_ATTEMPTS: u32 = 3;

/// The longest delay that a request waits for. A longer one is reported to the user instead.
const MAX_RETRY_AFTER: Duration = Duration::from_mins(2);

/// The upper bound of the delay before the second attempt. It doubles with each further one.
const BASE_BACKOFF: Duration = Duration::from_millis(500);

/// Decides whether and when a request is retried.
#[derive(Debug, Default)]
pub(crate) struct Retries {
    budget: Mutex<Budget>,
}

/// The retry budget. Each answer deposits one token and each retry withdraws [`Budget::RETRY_COST`], so
/// that retries never multiply the load of a failing upstream: there are at most [`Budget::CAPACITY`] /
/// [`Budget::RETRY_COST`] retries, plus one for every [`Budget::RETRY_COST`] answers. gRPC (design A6)
/// and the AWS SDKs do the same.
#[derive(Debug)]
struct Budget(u32);

impl Retries {
    /// Returns how long to wait after this many attempts before the next one, or `None` if there must be
    /// none.
    pub(crate) fn delay(&self, attempts: u32, error: &AttemptError) -> Option<Duration> {
        let retry_after = error.model_error.retry_after().unwrap_or_default();
        if attempts >= MAX_ATTEMPTS || !error.kind.is_retryable() || retry_after > MAX_RETRY_AFTER {
            return None;
        }
        // The backoff spreads the retries of requests that were rejected with the same `retry_after`.
        self.with_budget(Budget::withdraw).then(|| retry_after + backoff(attempts, fastrand::f64()))
    }

    /// Records that a request was answered.
    pub(crate) fn record_success(&self) {
        self.with_budget(Budget::deposit);
    }

    fn with_budget<T>(&self, change: impl FnOnce(&mut Budget) -> T) -> T {
        change(&mut self.budget.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Returns an exponential backoff with full jitter: a bound that doubles with each attempt, multiplied
/// by `jitter`, which is from 0 to 1. See
/// <https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/>.
fn backoff(attempts: u32, jitter: f64) -> Duration {
    (BASE_BACKOFF * 2_u32.saturating_pow(attempts.saturating_sub(1))).mul_f64(jitter)
}

impl Budget {
    const CAPACITY: u32 = 30;
    const RETRY_COST: u32 = 5;

    fn deposit(&mut self) {
        self.0 = (self.0 + 1).min(Self::CAPACITY);
    }

    fn withdraw(&mut self) -> bool {
        let remaining = self.0.checked_sub(Self::RETRY_COST);
        self.0 = remaining.unwrap_or(self.0);
        remaining.is_some()
    }
}

impl Default for Budget {
    fn default() -> Self {
        Self(Self::CAPACITY)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ModelError;
    use crate::http::attempt_error::AttemptErrorKind;

    fn rate_limited(seconds: u64) -> AttemptError {
        let retry_after = Some(Duration::from_secs(seconds));
        let error = ModelError::RateLimited { retry_after, cause: "429".into() };
        AttemptError { model_error: error, kind: AttemptErrorKind::RateLimited }
    }

    #[test]
    fn a_retryable_error_allows_three_attempts() {
        for (kind, is_retryable) in [
            (AttemptErrorKind::Unavailable, true),
            (AttemptErrorKind::RateLimited, true),
            (AttemptErrorKind::TimedOut, false),
            (AttemptErrorKind::Permanent, false),
        ] {
            let error = AttemptError::failed(kind, "…");
            let is_retried =
                [1, 2, 3].map(|attempts| Retries::default().delay(attempts, &error).is_some());

            assert_eq!(is_retried, [is_retryable, is_retryable, false], "{kind:?}");
        }
    }

    #[test]
    fn retry_after_is_respected_up_to_two_minutes() {
        let delay = Retries::default().delay(1, &rate_limited(120)).unwrap();

        assert!((MAX_RETRY_AFTER..=MAX_RETRY_AFTER + BASE_BACKOFF).contains(&delay), "{delay:?}");
        assert_eq!(Retries::default().delay(1, &rate_limited(121)), None);
    }

    #[test]
    fn the_budget_allows_six_retries_and_one_more_per_five_answers() {
        let retries = Retries::default();
        let count = || (0..100).filter(|_| retries.delay(1, &rate_limited(0)).is_some()).count();

        let initially = count();
        (0..14).for_each(|_| retries.record_success());
        let after_fourteen = count();
        (0..1_000).for_each(|_| retries.record_success());

        assert_eq!((initially, after_fourteen, count()), (6, 2, 6));
    }

    proptest! {
        #[test]
        fn a_backoff_covers_its_whole_range(attempts in 1..MAX_ATTEMPTS, jitter in 0.0..=1.0) {
            let bound = BASE_BACKOFF * 2_u32.pow(attempts - 1);

            prop_assert!(backoff(attempts, jitter) <= bound);
            prop_assert_eq!(backoff(attempts, 0.0), Duration::ZERO);
            prop_assert_eq!(backoff(attempts, 1.0), bound);
        }

        #[test]
        fn the_budget_bounds_the_number_of_retries(answers in prop::collection::vec(any::<bool>(), 1..500)) {
            let retries = Retries::default();
            let mut retry_count = 0;
            let mut answer_count = 0;
            for answer in &answers {
                if *answer {
                    retries.record_success();
                    answer_count += 1;
                } else {
                    retry_count += usize::from(retries.delay(1, &rate_limited(0)).is_some());
                }
            }

            prop_assert!(retry_count <= 6 + answer_count / 5);
        }
    }
}
