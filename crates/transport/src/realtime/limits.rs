use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use webchat_domain::UserId;

use crate::ApiError;

/// How much of what it may say in the long run a client may say at once.
const SAVED_UP: Duration = Duration::from_secs(10);

/// What live connections may take of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Messages that a connection may send a second, on average over ten. At least 1.
    pub messages_per_second: u32,
    /// Connections that a user may have at a time, to this instance.
    pub connections_per_user: usize,
    /// After which a WebSocket from which nothing came is closed.
    pub idle: Duration,
    /// After which a WebSocket is cut off whose client takes nothing; half of it after, it is told to
    /// come again.
    pub slowest: Duration,
    /// The largest frame that a WebSocket may bring, in bytes.
    pub max_frame: usize,
    /// The largest message that a WebSocket may bring, in bytes.
    pub max_message: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            messages_per_second: 10,
            connections_per_user: 20,
            idle: Duration::from_secs(45),
            slowest: Duration::from_secs(30),
            max_frame: 1024 * 1024,
            max_message: 4 * 1024 * 1024,
        }
    }
}

/// A bucket of tokens that fills with time, of which each message takes one.
#[derive(Debug)]
pub(super) struct Allowance {
    /// How long one token takes to come.
    each: Duration,
    /// When the bucket is full.
    full_at: Instant,
}

impl Allowance {
    /// A full one.
    pub(super) fn per_second(messages: u32) -> Self {
        Self { each: Duration::from_secs(1) / messages.max(1), full_at: Instant::now() }
    }

    /// Takes a token; where there is none, says after how long there will be one.
    pub(super) fn take(&mut self) -> Result<(), Duration> {
        let now = Instant::now();
        let full_at = self.full_at.max(now) + self.each;
        let missing = full_at.saturating_duration_since(now + SAVED_UP);
        if missing.is_zero() {
            self.full_at = full_at;
            Ok(())
        } else {
            Err(missing)
        }
    }
}

/// How many connections each user has.
#[derive(Default)]
pub(super) struct Presences(Mutex<HashMap<UserId, usize>>);

/// One connection of a user, for as long as this is held.
pub(super) struct Presence {
    presences: Arc<Presences>,
    user_id: UserId,
}

impl Presences {
    pub(super) fn enter(
        self: &Arc<Self>,
        user_id: UserId,
        most: usize,
    ) -> Result<Presence, ApiError> {
        let mut counts = self.lock();
        let count = counts.entry(user_id).or_default();
        if *count >= most {
            return Err(ApiError::ConnectionLimit);
        }
        *count += 1;
        Ok(Presence { presences: Arc::clone(self), user_id })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<UserId, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        let mut counts = self.presences.lock();
        if let Some(count) = counts.get_mut(&self.user_id) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.user_id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    fn take_all(allowance: &mut Allowance) -> u32 {
        let mut taken = 0;
        while allowance.take().is_ok() {
            taken += 1;
        }
        taken
    }

    #[tokio::test(start_paused = true)]
    async fn ten_seconds_of_messages_may_come_at_once_and_then_no_more_than_fill_up() {
        let mut allowance = Allowance::per_second(4);

        assert_eq!(take_all(&mut allowance), 40);
        assert_eq!(allowance.take(), Err(Duration::from_millis(250)));
        advance(Duration::from_millis(249)).await;
        assert_eq!(allowance.take(), Err(Duration::from_millis(1)));
        advance(Duration::from_millis(1)).await;
        assert_eq!(take_all(&mut allowance), 1);
        advance(Duration::from_mins(1)).await;
        assert_eq!(take_all(&mut allowance), 40);
    }

    #[test]
    fn a_user_has_so_many_connections_and_the_next_when_one_is_gone() {
        let presences = Arc::new(Presences::default());
        let (user, other) = (UserId::generate(), UserId::generate());

        let held = [presences.enter(user, 2).unwrap(), presences.enter(user, 2).unwrap()];
        let refused = presences.enter(user, 2);
        let others = presences.enter(other, 2);
        drop(held);

        assert!(matches!(refused, Err(ApiError::ConnectionLimit)));
        drop((others.unwrap(), presences.enter(user, 2).unwrap()));
        assert!(presences.lock().is_empty());
    }
}
