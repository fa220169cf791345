//! Limits how often failures of turns are logged.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use crate::runtime::log_limiter::LogLimiter;

/// Counts failures by their code. Of each code, the first failure is logged, and later the number of those that
/// followed.
#[derive(Default)]
pub(crate) struct FailureLog(Mutex<LogLimiter<&'static str>>);

impl FailureLog {
    /// Counts a failure, and returns whether to log it. Also logs the numbers of those that were not logged.
    pub(super) fn is_first(&self, code: &'static str) -> bool {
        let now = Instant::now();
        let mut limiter = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let ended = limiter.end_intervals(now);
        let is_first = limiter.add(code, now);
        drop(limiter);
        for (code, count) in ended {
            tracing::warn!(code, count, "more turns failed");
        }
        is_first
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_failure_of_each_code_is_logged() {
        let log = FailureLog::default();

        let logged =
            ["busy", "busy", "too_long", "busy", "too_long"].map(|code| log.is_first(code));

        assert_eq!(logged, [true, false, true, false, false]);
    }
}
