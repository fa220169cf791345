//! Which file jobs may be created, cancelled and retried.

use webchat_domain::JobStatus;

/// The statuses in which a job can be cancelled; in any other, it has ended for good.
pub const CANCELLABLE: [JobStatus; 2] = [JobStatus::Running, JobStatus::Failed];

/// The only status in which a job can be retried.
pub const RETRYABLE: JobStatus = JobStatus::Failed;

/// Returns how many of a user's failed jobs are kept beside a new job; older ones are cancelled.
/// Returns `None` if the user's `running` jobs leave no room for a new one.
#[must_use]
pub fn failed_jobs_to_keep(running: u64, max_kept: u32) -> Option<u64> {
    u64::from(max_kept.saturating_sub(1)).checked_sub(running)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_job_takes_the_place_of_failed_ones_but_not_of_running_ones() {
        assert_eq!(failed_jobs_to_keep(0, 3), Some(2));
        assert_eq!(failed_jobs_to_keep(2, 3), Some(0));
        assert_eq!(failed_jobs_to_keep(3, 3), None);
        assert_eq!(failed_jobs_to_keep(0, 0), Some(0));
    }
}
