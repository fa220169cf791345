use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::fault::Fault;

/// How often one request is sent at most.
const TRIES: u32 = 3;

/// Who asks for a longer wait is told to the user, who can decide better what to do meanwhile.
const LONGEST_WAIT: Duration = Duration::from_mins(2);

/// The longest wait before the second try; it doubles with each further one.
const BACKOFF: Duration = Duration::from_millis(500);

/// Decides when a request is sent again.
#[derive(Debug, Default)]
pub(crate) struct Retries {
    budget: Mutex<Budget>,
}

/// Answers pay for retries, so that an upstream which gives none is not asked still more often: of any
/// number of requests no more are retried than [`Budget::FULL`] / [`Budget::RETRY`], and one more for
/// each [`Budget::RETRY`] answers. The buckets of gRPC (its design A6) and of the AWS SDKs do the same.
#[derive(Debug)]
struct Budget(u32);

impl Retries {
    /// How long to wait before the request is sent again, after so many tries. `None`: it is not.
    pub(crate) fn wait(&self, tries: u32, fault: &Fault) -> Option<Duration> {
        let asked = fault.error.retry_after().unwrap_or_default();
        if tries >= TRIES || !fault.kind.is_worth_another_try() || asked > LONGEST_WAIT {
            return None;
        }
        // Also on top of an asked wait: all that were refused together were asked for the same.
        self.with_budget(Budget::spend).then(|| asked + backoff(tries, fastrand::f64()))
    }

    /// A request was answered.
    pub(crate) fn answered(&self) {
        self.with_budget(Budget::earn);
    }

    fn with_budget<T>(&self, change: impl FnOnce(&mut Budget) -> T) -> T {
        change(&mut self.budget.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Full jitter: `share`, from 0 to 1, of a bound that doubles with each try. See
/// <https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/>.
fn backoff(tries: u32, share: f64) -> Duration {
    (BACKOFF * 2_u32.saturating_pow(tries.saturating_sub(1))).mul_f64(share)
}

impl Budget {
    const FULL: u32 = 30;
    const RETRY: u32 = 5;

    fn earn(&mut self) {
        self.0 = (self.0 + 1).min(Self::FULL);
    }

    fn spend(&mut self) -> bool {
        let rest = self.0.checked_sub(Self::RETRY);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }
}

impl Default for Budget {
    fn default() -> Self {
        Self(Self::FULL)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ModelError;
    use crate::fault::FaultKind;

    fn busy(seconds: u64) -> Fault {
        let retry_after = Some(Duration::from_secs(seconds));
        let error = ModelError::RateLimited { retry_after, cause: "429".into() };
        Fault { error, kind: FaultKind::Busy }
    }

    #[test]
    fn what_may_work_next_time_is_tried_three_times() {
        for (kind, retried) in [
            (FaultKind::Broken, true),
            (FaultKind::Busy, true),
            (FaultKind::Silent, false),
            (FaultKind::Final, false),
        ] {
            let fault = Fault::failed(kind, "…");
            let tried = [1, 2, 3].map(|tries| Retries::default().wait(tries, &fault).is_some());

            assert_eq!(tried, [retried, retried, false], "{kind:?}");
        }
    }

    #[test]
    fn an_asked_wait_is_kept_and_one_of_over_two_minutes_is_not_waited_for() {
        let wait = Retries::default().wait(1, &busy(120)).unwrap();

        assert!((LONGEST_WAIT..=LONGEST_WAIT + BACKOFF).contains(&wait), "{wait:?}");
        assert_eq!(Retries::default().wait(1, &busy(121)), None);
    }

    #[test]
    fn six_retries_are_on_credit_and_each_five_answers_pay_for_one_more() {
        let retries = Retries::default();
        let count = || (0..100).filter(|_| retries.wait(1, &busy(0)).is_some()).count();

        let on_credit = count();
        (0..14).for_each(|_| retries.answered());
        let after_fourteen = count();
        (0..1_000).for_each(|_| retries.answered());

        assert_eq!((on_credit, after_fourteen, count()), (6, 2, 6));
    }

    proptest! {
        #[test]
        fn a_backoff_is_within_its_bound_and_uses_all_of_it(tries in 1..TRIES, share in 0.0..=1.0) {
            let bound = BACKOFF * 2_u32.pow(tries - 1);

            prop_assert!(backoff(tries, share) <= bound);
            prop_assert_eq!(backoff(tries, 0.0), Duration::ZERO);
            prop_assert_eq!(backoff(tries, 1.0), bound);
        }

        #[test]
        fn retries_never_double_the_load(answers in prop::collection::vec(any::<bool>(), 1..500)) {
            let retries = Retries::default();
            let mut sent_again = 0;
            let mut answered = 0;
            for answer in &answers {
                if *answer {
                    retries.answered();
                    answered += 1;
                } else {
                    sent_again += usize::from(retries.wait(1, &busy(0)).is_some());
                }
            }

            prop_assert!(sent_again <= 6 + answered / 5);
        }
    }
}
