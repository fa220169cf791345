//! Limits the rate of requests per session, so that a runaway program doesn't slow everybody else.

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

/// A session may use the requests of this many seconds at once: a page that opens sends several.
const BURST_S: u32 = 4;

/// After this many requests, sessions without recent requests are dropped from memory.
const SWEEP_EVERY: u32 = 1024;

/// The request rates of all sessions.
pub(crate) struct RequestLimits {
    rate: Option<DefaultKeyedRateLimiter<SessionId>>,
    requests: AtomicU32,
}

impl RequestLimits {
    /// With `None`, the rate is unlimited.
    pub(crate) fn new(requests_per_second: Option<NonZeroU32>) -> Self {
        let rate = requests_per_second.map(|rate| RateLimiter::hashmap(burst_quota(rate, BURST_S)));
        Self { rate, requests: AtomicU32::new(0) }
    }

    /// Counts a request. Returns the time to wait if the session exceeded its rate.
    fn wait(&self, session: SessionId) -> Option<Duration> {
        let rate = self.rate.as_ref()?;
        if self.requests.fetch_add(1, Ordering::Relaxed).is_multiple_of(SWEEP_EVERY) {
            rate.retain_recent();
        }
        let exceeded = rate.check_key(&session).err()?;
        Some(exceeded.wait_time_from(DefaultClock::default().now()))
    }
}

/// Rejects requests of a session that exceeded its rate. Requests without a session are not counted.
pub(crate) async fn limit_requests(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let limits = request.app_data::<web::Data<RequestLimits>>();
    let session = session::session_id(request.request()).filter(|_| is_counted(&request));
    let wait = limits.zip(session).and_then(|(limits, session)| limits.wait(session));
    if let Some(retry_after) = wait {
        return Ok(request.error_response(ApiError::RateLimited { retry_after }));
    }
    Ok(next.call(request).await?.map_into_boxed_body())
}

/// Assets are cheap, and a live connection polls for its events.
fn is_counted(request: &ServiceRequest) -> bool {
    let path = request.match_info().unprocessed();
    !(path.starts_with("/assets/") || path.starts_with("/socket.io/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_over_its_rate_has_to_wait_and_others_have_not() {
        let limits = RequestLimits::new(NonZeroU32::new(10));
        let (busy, other) = (SessionId::generate(), SessionId::generate());

        let waits: Vec<_> = (0..10 * BURST_S).map(|_| limits.wait(busy)).collect();
        let exceeded = limits.wait(busy);

        assert!(waits.iter().all(Option::is_none));
        let wait = exceeded.expect("a wait");
        assert!(wait <= Duration::from_millis(100), "{wait:?}");
        assert_eq!(limits.wait(other), None);
    }

    #[test]
    fn without_a_limit_nobody_has_to_wait() {
        let limits = RequestLimits::new(None);
        let session = SessionId::generate();

        assert!((0..1_000).all(|_| limits.wait(session).is_none()));
    }
}
