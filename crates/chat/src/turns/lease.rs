//! Leases on turns, compactions and file analyses. If the instance that holds a lease dies, another instance takes
//! over the work.

use std::pin::pin;
use std::time::Duration;

use tokio::time::timeout;

/// The duration of a lease. If it is not renewed within this time, the work counts as abandoned.
pub(crate) const LEASE: Duration = Duration::from_secs(10);

/// The interval at which a lease is renewed.
pub(crate) const RENEW_INTERVAL: Duration = Duration::from_secs(2);

/// Runs the work, and renews its lease periodically. `renew` returns `false` if the lease is lost: then the work is
/// dropped, and the result is `None`.
///
/// The work is also polled during a renewal, because it may hold a store connection that the renewal waits for.
pub(crate) async fn run_with_lease<T, Renewal: Future<Output = bool>>(
    work: impl Future<Output = T>,
    renew: impl Fn() -> Renewal,
) -> Option<T> {
    let mut work = pin!(work);
    loop {
        if let Ok(result) = timeout(RENEW_INTERVAL, work.as_mut()).await {
            return Some(result);
        }
        let mut renewal = pin!(renew());
        tokio::select! {
            biased;
            result = work.as_mut() => {
                // Otherwise the caller would not know when the lease expires.
                renewal.await;
                return Some(result);
            }
            is_renewed = renewal.as_mut() => {
                if !is_renewed {
                    return None;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use tokio::sync::Semaphore;
    use tokio::time::sleep;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_work_continues_while_the_renewal_waits_for_a_connection() {
        let (connections, renewals) = (Semaphore::new(1), AtomicU32::new(0));
        let work = async {
            let connection = connections.acquire().await.unwrap();
            sleep(RENEW_INTERVAL * 3 / 2).await;
            drop(connection);
            sleep(RENEW_INTERVAL * 2).await;
        };
        let renew = async || {
            let _connection = connections.acquire().await.unwrap();
            renewals.fetch_add(1, Ordering::Relaxed);
            true
        };

        let result = timeout(RENEW_INTERVAL * 10, run_with_lease(work, renew)).await;

        assert_eq!(result, Ok(Some(())));
        assert_eq!(renewals.into_inner(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_renewal_in_progress_completes_when_the_work_ends() {
        let renewals = AtomicU32::new(0);
        let renew = async || {
            sleep(RENEW_INTERVAL).await;
            renewals.fetch_add(1, Ordering::Relaxed);
            true
        };

        let result = run_with_lease(sleep(RENEW_INTERVAL * 3 / 2), renew).await;

        assert_eq!((result, renewals.into_inner()), (Some(()), 1));
    }

    #[tokio::test(start_paused = true)]
    async fn work_that_lost_its_lease_is_dropped() {
        let result = run_with_lease(std::future::pending::<()>(), async || false).await;

        assert_eq!(result, None);
    }
}
