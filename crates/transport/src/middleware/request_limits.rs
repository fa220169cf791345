//! How much one session may ask for: a program that runs wild must not hold up everybody else.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::web;
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use webchat_domain::SessionId;

use crate::error::api_error::ApiError;
use crate::extract::session as caller;

/// How many seconds' worth of requests may come at once: a page that opens asks for several things.
const BURST_S: u32 = 4;

/// After so many requests, those are forgotten who have not asked for long.
const SWEEP_EVERY: u32 = 1024;

/// How often each session asks.
pub(crate) struct RequestLimits {
    rate: Option<DefaultKeyedRateLimiter<SessionId>>,
    asked: AtomicU32,
}

impl RequestLimits {
    pub(crate) fn new(requests_per_second: Option<NonZeroU32>) -> Self {
        let rate = requests_per_second.map(|rate| RateLimiter::hashmap(saved_up(rate, BURST_S)));
        Self { rate, asked: AtomicU32::new(0) }
    }

    /// How long this session must wait; `None`: it may ask.
    fn wait(&self, session: SessionId) -> Option<Duration> {
        let rate = self.rate.as_ref()?;
        if self.asked.fetch_add(1, Ordering::Relaxed).is_multiple_of(SWEEP_EVERY) {
            rate.retain_recent();
        }
        let refused = rate.check_key(&session).err()?;
        Some(refused.wait_time_from(DefaultClock::default().now()))
    }
}

/// So many a second, of which some seconds' worth may come at once.
pub(crate) fn saved_up(per_second: NonZeroU32, seconds: u32) -> Quota {
    let seconds = NonZeroU32::new(seconds).unwrap_or(NonZeroU32::MIN);
    Quota::per_second(per_second).allow_burst(per_second.saturating_mul(seconds))
}

/// Refuses what a session asks for too often. Whoever has no session yet is not counted.
pub(crate) async fn check(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let limits = request.app_data::<web::Data<RequestLimits>>();
    let session = caller::session_id(request.request()).filter(|_| is_counted(&request));
    let wait = limits.zip(session).and_then(|(limits, session)| limits.wait(session));
    if let Some(retry_after) = wait {
        return Ok(request.error_response(ApiError::RateLimited { retry_after }));
    }
    Ok(next.call(request).await?.map_into_boxed_body())
}

/// Files cost little, and a poll is how a live connection is told things.
fn is_counted(request: &ServiceRequest) -> bool {
    let path = request.match_info().as_str();
    !(path.starts_with("/assets/") || path.starts_with("/socket.io/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_that_asks_too_often_is_told_how_long_to_wait_and_nobody_else() {
        let limits = RequestLimits::new(NonZeroU32::new(10));
        let (wild, other) = (SessionId::generate(), SessionId::generate());

        let asked: Vec<_> = (0..10 * BURST_S).map(|_| limits.wait(wild)).collect();
        let refused = limits.wait(wild);

        assert!(asked.iter().all(Option::is_none));
        let wait = refused.expect("refused");
        assert!(wait <= Duration::from_millis(100), "{wait:?}");
        assert_eq!(limits.wait(other), None);
    }

    #[test]
    fn without_a_bound_nobody_waits() {
        let limits = RequestLimits::new(None);
        let session = SessionId::generate();

        assert!((0..1_000).all(|_| limits.wait(session).is_none()));
    }
}
