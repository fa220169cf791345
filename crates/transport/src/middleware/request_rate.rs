//! Limits the rate of requests per session and per network, so that a runaway program doesn't slow down other
//! users.

use std::num::NonZeroU32;
use std::sync::Once;
use std::time::Duration;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::X_FORWARDED_FOR;
use actix_web::middleware::Next;
use actix_web::web;
use webchat_chat::{Limit, count_reached_limit};
use webchat_domain::{Network, SessionId};

use crate::error::api_error::ApiError;
use crate::extract::client_address::ClientAddress;
use crate::extract::session::cookie;
use crate::quota::{KeyedRateLimiter, burst_quota};

/// A client may send this many seconds' worth of requests in a burst, because loading the page takes several
/// requests.
const BURST_S: u32 = 4;

/// The rate limiters of all requests.
pub(crate) struct RequestRateLimiter {
    sessions: KeyedRateLimiter<SessionId>,
    networks: KeyedRateLimiter<Network>,
}

impl RequestRateLimiter {
    /// Creates a limiter of requests per second. `None` means unlimited.
    pub(crate) fn new(per_session: Option<NonZeroU32>, per_network: Option<NonZeroU32>) -> Self {
        let quota = |rate: Option<NonZeroU32>| rate.map(|rate| burst_quota(rate, BURST_S));
        Self {
            sessions: KeyedRateLimiter::new(quota(per_session)),
            networks: KeyedRateLimiter::new(quota(per_network)),
        }
    }

    /// Counts a request. If its session or network has exceeded its rate, the error is the time until the next
    /// request is accepted.
    fn check(&self, request: &ServiceRequest) -> Result<(), Duration> {
        let path = request.match_info().unprocessed();
        // Assets are cheap to serve.
        if path.starts_with("/assets/") {
            return Ok(());
        }
        let network = ClientAddress::of(request.request()).network();
        self.networks.check(&network).inspect_err(|_| {
            warn_about_untrusted_proxy(request);
            count_reached_limit(Limit::RequestsPerNetwork);
        })?;
        // Socket.IO clients poll for events.
        if path.starts_with("/socket.io/") {
            return Ok(());
        }
        let session = cookie::session_id(request.request());
        let result = session.map_or(Ok(()), |session| self.sessions.check(&session));
        result.inspect_err(|_| count_reached_limit(Limit::RequestsPerSession))
    }
}

/// Warns that all clients behind an untrusted proxy share one address. Warns only once, because any client can send
/// this header.
fn warn_about_untrusted_proxy(request: &ServiceRequest) {
    static WARNING: Once = Once::new();
    if request.headers().contains_key(X_FORWARDED_FOR) {
        WARNING.call_once(|| {
            tracing::warn!(
                "a proxy exceeded the request rate per address; if it is yours, add it to TRUSTED_PROXIES"
            );
        });
    }
}

/// Rejects requests of a session or network that has exceeded its rate.
pub(crate) async fn limit_request_rate(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let limiter = request.app_data::<web::Data<RequestRateLimiter>>();
    if let Some(Err(retry_after)) = limiter.map(|limiter| limiter.check(&request)) {
        return Ok(request.error_response(ApiError::RateLimited { retry_after }));
    }
    Ok(next.call(request).await?.map_into_boxed_body())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_that_exceeds_its_rate_must_wait_but_others_need_not() {
        let limiter = RequestRateLimiter::new(NonZeroU32::new(10), None).sessions;
        let (busy, other) = (SessionId::generate(), SessionId::generate());

        let burst: Vec<_> = (0..10 * BURST_S).map(|_| limiter.check(&busy)).collect();
        let exceeded = limiter.check(&busy);

        assert!(burst.iter().all(Result::is_ok));
        let wait = exceeded.expect_err("the request was accepted");
        assert!(wait <= Duration::from_millis(100), "{wait:?}");
        assert_eq!(limiter.check(&other), Ok(()));
    }

    #[test]
    fn without_a_limit_no_session_has_to_wait() {
        let limiter = RequestRateLimiter::new(None, None).sessions;
        let session = SessionId::generate();

        assert!((0..1_000).all(|_| limiter.check(&session).is_ok()));
    }
}
