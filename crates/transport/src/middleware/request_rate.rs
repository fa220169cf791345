//! Limits the rate of requests per session, so that a runaway program doesn't slow down other users.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::web;
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, RateLimiter};
use webchat_domain::SessionId;

use crate::error::api_error::ApiError;
use crate::extract::session;
use crate::quota::burst_quota;

/// A session may send this many seconds' worth of requests at once: loading the page takes several.
const BURST_S: u32 = 4;

/// After this many requests, sessions without recent requests are dropped from memory.
const SWEEP_EVERY: u32 = 1024;

/// The rate limiter of all sessions' requests.
pub(crate) struct RequestRateLimiter {
    limiter: Option<DefaultKeyedRateLimiter<SessionId>>,
    requests: AtomicU32,
}

impl RequestRateLimiter {
    /// With `None`, the rate is unlimited.
    pub(crate) fn new(requests_per_second: Option<NonZeroU32>) -> Self {
        let limiter =
            requests_per_second.map(|rate| RateLimiter::hashmap(burst_quota(rate, BURST_S)));
        Self { limiter, requests: AtomicU32::new(0) }
    }

    /// Counts a request. If the session exceeded its rate, the error is the time until the next request is
    /// accepted.
    fn check(&self, session: SessionId) -> Result<(), Duration> {
        let Some(limiter) = &self.limiter else { return Ok(()) };
        if self.requests.fetch_add(1, Ordering::Relaxed).is_multiple_of(SWEEP_EVERY) {
            limiter.retain_recent();
        }
        limiter
            .check_key(&session)
            .map_err(|exceeded| exceeded.wait_time_from(DefaultClock::default().now()))
    }
}

/// Rejects requests of a session that exceeded its rate. Requests without a session are not counted.
pub(crate) async fn limit_request_rate(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let limiter = request.app_data::<web::Data<RequestRateLimiter>>();
    let session = session::session_id(request.request()).filter(|_| is_counted(&request));
    if let Some((limiter, session)) = limiter.zip(session)
        && let Err(retry_after) = limiter.check(session)
    {
        return Ok(request.error_response(ApiError::RateLimited { retry_after }));
    }
    Ok(next.call(request).await?.map_into_boxed_body())
}

/// Assets are not counted, as they are cheap, nor is Socket.IO, whose clients poll for events.
fn is_counted(request: &ServiceRequest) -> bool {
    let path = request.match_info().unprocessed();
    !(path.starts_with("/assets/") || path.starts_with("/socket.io/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_over_its_rate_must_wait_and_other_sessions_need_not() {
        let limiter = RequestRateLimiter::new(NonZeroU32::new(10));
        let (busy, other) = (SessionId::generate(), SessionId::generate());

        let burst: Vec<_> = (0..10 * BURST_S).map(|_| limiter.check(busy)).collect();
        let exceeded = limiter.check(busy);

        assert!(burst.iter().all(Result::is_ok));
        let wait = exceeded.expect_err("the rate was exceeded");
        assert!(wait <= Duration::from_millis(100), "{wait:?}");
        assert_eq!(limiter.check(other), Ok(()));
    }

    #[test]
    fn without_a_limit_no_session_has_to_wait() {
        let limiter = RequestRateLimiter::new(None);
        let session = SessionId::generate();

        assert!((0..1_000).all(|_| limiter.check(session).is_ok()));
    }
}
