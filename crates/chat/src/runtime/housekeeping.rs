//! Deletes data that nobody needs any more.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};
use webchat_domain::Timestamp;
use webchat_persistence::StoreError;

use super::core::Core;
use super::error_chain::error_chain;
use crate::accounts::retention::Retention;

/// How often to look for data to delete.
const INTERVAL: Duration = Duration::from_hours(1);

/// How long expired sessions are kept. A session is all that connects a browser with its conversations, so a
/// wrong clock must not delete it.
const EXPIRED_SESSION_RETENTION: Duration = Duration::from_hours(30 * 24);

/// How many days the counts of tokens are kept.
const TOKEN_COUNT_RETENTION_DAYS: u32 = 7;

/// By how much the clock may differ from the time that has passed since the last look.
const MAX_CLOCK_ERROR: Duration = Duration::from_mins(5);

/// Deletes expired data every hour, until the future is dropped. Deletes nothing if the clock has jumped since
/// the last look: what has expired then is decided an hour later.
pub(crate) async fn delete_expired_data(core: Arc<Core>, retention: Retention) {
    loop {
        let (clock, started_at) = (core.now(), Instant::now());
        sleep(INTERVAL).await;
        let now = core.now();
        if has_jumped(clock, now, started_at.elapsed()) {
            tracing::warn!("the clock has jumped: deleting no expired data for now");
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
    async fn a_clock_that_is_ahead_for_two_hours_deletes_no_session_at_its_jump() {
        let test = TestChat::new().await;
        let session = test.start_session().await;
        test.chat.spawn_background_tasks();
        test.advance(INTERVAL * 2).await;

        test.clock.advance(400 * DAY);
        test.advance(INTERVAL).await;

        // The test's clock can't go back: the session is found if it was not deleted.
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
