//! Limits the number of new users. Without it, a client could bypass the limits per user by creating users.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use webchat_chat::{Limit, count_reached_limit};
use webchat_domain::Network;

use crate::error::api_error::ApiError;
use crate::quota::KeyedRateLimiter;

/// Limits the number of new users.
pub(crate) struct NewUserLimiter {
    networks: KeyedRateLimiter<Network>,
    all: Option<DefaultDirectRateLimiter>,
}

impl NewUserLimiter {
    /// Creates a limiter of new users per minute. `None` means unlimited.
    pub(crate) fn new(per_network: Option<NonZeroU32>, all: Option<NonZeroU32>) -> Self {
        Self {
            networks: KeyedRateLimiter::new(per_network.map(Quota::per_minute)),
            all: all.map(Quota::per_minute).map(RateLimiter::direct),
        }
    }

    /// Counts a new user of this network.
    ///
    /// # Errors
    /// [`ApiError::TooManyNewUsers`] if the network or the whole server has too many.
    pub(crate) fn check(&self, network: Network) -> Result<(), ApiError> {
        self.networks.check(&network).map_err(|wait| refuse(Limit::NewUsersPerNetwork, wait))?;
        let Some(all) = &self.all else { return Ok(()) };
        all.check().map_err(|exceeded| {
            refuse(Limit::NewUsers, exceeded.wait_time_from(DefaultClock::default().now()))
        })
    }
}

fn refuse(limit: Limit, retry_after: Duration) -> ApiError {
    count_reached_limit(limit);
    ApiError::TooManyNewUsers { retry_after }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_users_are_limited_per_network_and_in_total() {
        let limiter = NewUserLimiter::new(NonZeroU32::new(2), NonZeroU32::new(3));
        let check = |address: &str| limiter.check(Network::of(address.parse().unwrap()));

        let within_limits = [check("192.0.2.1"), check("192.0.2.1"), check("192.0.2.2")];
        let above_limits = [check("192.0.2.1"), check("192.0.2.3")];

        assert!(within_limits.iter().all(Result::is_ok));
        for result in above_limits {
            assert!(matches!(result, Err(ApiError::TooManyNewUsers { .. })), "{result:?}");
        }
    }
}
