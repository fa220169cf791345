//! Counts and logs what may be an attack.

use std::sync::Arc;

use metrics::counter;
use strum::{IntoStaticStr, VariantArray};
use webchat_chat::{LogLimiter, SharedLogLimiter};
use webchat_domain::{Network, UserId};

use crate::error::api_error::ApiError;
use crate::realtime::socket_io::engine_io_error::EngineIoError;

/// The number of security events, by `kind`.
pub(crate) const SECURITY_EVENTS: &str = "webchat_security_events_total";

/// The maximum number of kinds and addresses that are distinguished within an interval. Further addresses
/// share one line per kind.
const MAX_SOURCES: usize = 1_000;

/// A kind of security event. Its `strum` name is the `kind` in the log and in the metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub(crate) enum SecurityEvent {
    /// A request addressed the server by an unknown name.
    HostRefused,
    /// A request came from a page of another site.
    OriginRefused,
    /// A session cookie was not one of ours.
    CookieRefused,
    /// A session, a network or a connection exceeded its rate.
    RateLimited,
    /// A connection was closed because it kept exceeding its rate.
    Flood,
    /// A user, a network, or all clients together, have too many connections.
    ConnectionLimited,
}

impl SecurityEvent {
    /// Returns the event that this error is, if it is one.
    pub(crate) fn of(error: &ApiError) -> Option<Self> {
        match error {
            ApiError::HostNotAllowed => Some(Self::HostRefused),
            ApiError::OriginNotAllowed | ApiError::EngineIo(EngineIoError::Forbidden) => {
                Some(Self::OriginRefused)
            }
            ApiError::RateLimited { .. } | ApiError::TooManyNewUsers { .. } => {
                Some(Self::RateLimited)
            }
            ApiError::TooManyUserConnections
            | ApiError::TooManyNetworkConnections
            | ApiError::TooManyServerConnections => Some(Self::ConnectionLimited),
            _ => None,
        }
    }
}

/// The security events of a server. Clones share the counts.
#[derive(Clone, Default)]
pub(crate) struct SecurityLog(Arc<SharedLogLimiter<Source>>);

/// Whose events are counted together. `None` is all addresses beyond [`MAX_SOURCES`].
type Source = (SecurityEvent, Option<Network>);

impl SecurityLog {
    /// Counts an event, and logs it unless a line about the same kind and address was logged just before. A later line
    /// has the number of the events since.
    pub(crate) fn record(&self, event: SecurityEvent, client: Network, user_id: Option<UserId>) {
        counter!(SECURITY_EVENTS, "kind" => <&'static str>::from(event)).increment(1);
        let choose = |limiter: &LogLimiter<Source>| source(limiter, event, client);
        if let Some(source) = self.0.count(choose, |source, count| log(source, count, None)) {
            log(source, 1, user_id);
        }
    }
}

fn source(limiter: &LogLimiter<Source>, event: SecurityEvent, client: Network) -> Source {
    let source = (event, Some(client));
    if limiter.has_space_for(&source, MAX_SOURCES) { source } else { (event, None) }
}

fn log((event, client): Source, count: u64, user_id: Option<UserId>) {
    let kind = <&'static str>::from(event);
    let client = client.map_or_else(|| "others".to_owned(), |client| client.to_string());
    let user_id = user_id.map(|user_id| user_id.to_string());
    tracing::warn!(target: "webchat::security", kind, client, user_id, count, "security event");
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;
    use std::time::Instant;

    use super::*;

    #[test]
    fn beyond_the_maximum_addresses_share_a_line_per_kind() {
        let (mut limiter, now) = (LogLimiter::default(), Instant::now());

        let lines = (0..100_000).filter(|number: &u32| {
            let client = Network::of(IpAddr::V4((*number).into()));
            let source = source(&limiter, SecurityEvent::RateLimited, client);
            limiter.add(source, now)
        });

        assert_eq!(lines.count(), MAX_SOURCES + 1);
    }
}
