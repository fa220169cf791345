//! Deletes expired data.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};
use webchat_domain::{Timestamp, error_chain};
use webchat_persistence::StoreError;

use super::core::Core;
use crate::sessions::retention::Retention;

/// The interval between deletions of expired data.
const INTERVAL: Duration = Duration::from_hours(1);

/// The time for which expired sessions are kept. Only a session connects a browser with its conversations, so a
/// wrong clock must not delete it.
const EXPIRED_SESSION_RETENTION: Duration = Duration::from_hours(30 * 24);

/// The number of days for which token counts are kept.
const TOKEN_COUNT_RETENTION_DAYS: u32 = 7;

/// The maximum difference between the time that has passed since the last deletion by the clock and by the
/// monotonic clock.
const MAX_CLOCK_ERROR: Duration = Duration::from_mins(5);

/// Deletes expired data every hour, until the future is dropped. Skips a deletion if the clock has jumped since the
/// previous one.
pub(crate) async fn delete_expired_data(core: Arc<Core>, retention: Retention) {
    loop {
        let (clock, started_at) = (core.now(), Instant::now());
        sleep(INTERVAL).await;
        let now = core.now();
        if has_jumped(clock, now, started_at.elapsed()) {
            tracing::warn!("the clock has jumped, skipping the deletion of expired data");
            continue;
        }
        if let Err(error) = core.delete_expired_data(now).await {
            tracing::warn!(error = error_chain(&error), "failed to delete expired data");
        }
        if let Err(error) = retention.delete_inactive_users(now).await {
            tracing::warn!(
                error = error_chain(&error),
                "failed to delete the data of inactive users"
            );
        }
        if let Err(error) = retention.remove_old_audit_entries(now).await {
            tracing::warn!(error = error_chain(&error), "failed to remove old audit entries");
        }
        if let Err(error) = retention.remove_old_receipts(now).await {
            tracing::warn!(
                error = error_chain(&error),
                "failed to remove old receipts of erasures"
            );
        }
    }
}

fn has_jumped(before: Timestamp, now: Timestamp, elapsed: Duration) -> bool {
    let expected = before.plus(elapsed);
    now > expected.plus(MAX_CLOCK_ERROR) || now < expected.minus(MAX_CLOCK_ERROR)
}

impl Core {
    async fn delete_expired_data(&self, now: Timestamp) -> Result<(), StoreError> {
        self.ports.sessions.delete_expired(now.minus(EXPIRED_SESSION_RETENTION)).await?;
        self.ports
            .token_budgets
            .delete_before(now.day().minus_days(TOKEN_COUNT_RETENTION_DAYS))
            .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TestChat;

    const DAY: Duration = Duration::from_hours(24);

    #[tokio::test(start_paused = true)]
    async fn a_clock_jump_does_not_delete_sessions() {
        let test = TestChat::new().await;
        let session = test.start_session().await;
        test.chat.spawn_background_tasks();
        test.advance(INTERVAL * 2).await;

        test.clock.advance(400 * DAY);
        test.advance(INTERVAL).await;

        // The manual clock can't go back, so the session is looked up as of the start.
        let sessions = &test.chat.core.ports.sessions;
        let at_start = crate::testing::START;
        assert_eq!(sessions.find(session.session_id, at_start).await.unwrap(), Some(session));
    }

    #[tokio::test(start_paused = true)]
    async fn sessions_are_deleted_thirty_days_after_their_expiry() {
        let test = TestChat::with_settings(|settings| settings.session_ttl = DAY).await;
        let session = test.start_session().await;
        let find = || test.chat.core.ports.sessions.find(session.session_id, crate::testing::START);
        let core = &test.chat.core;
        let expiry = core.now().plus(DAY);

        core.delete_expired_data(expiry.plus(30 * DAY)).await.unwrap();
        let kept = find().await.unwrap();
        core.delete_expired_data(expiry.plus(31 * DAY)).await.unwrap();

        assert_eq!(kept, Some(session.clone()));
        assert_eq!(find().await.unwrap(), None);
    }

    #[test]
    fn a_jump_in_either_direction_is_detected() {
        let start = crate::testing::START;
        let hour = Duration::from_hours(1);
        assert!(!has_jumped(start, start.plus(hour), hour));
        assert!(has_jumped(start, start.plus(hour * 2), hour));
        assert!(has_jumped(start, start.minus(hour), hour));
    }
}
