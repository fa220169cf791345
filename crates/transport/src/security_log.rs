//! Counts and logs security events: possible attacks.

use std::sync::Arc;

use metrics::counter;
use strum::{IntoStaticStr, VariantArray};
use webchat_chat::{ChatError, Forbidden, LogLimiter, SharedLogLimiter};
use webchat_domain::{Network, UserId};

use crate::error::api_error::ApiError;
use crate::realtime::socket_io::engine_io_error::EngineIoError;

/// The counter of security events, by `kind`.
pub(crate) const SECURITY_EVENTS: &str = "webchat_security_events_total";

/// The maximum number of keys within an interval. Further networks share one log line per kind.
const MAX_KEYS: usize = 1_000;

/// A kind of security event. Its `strum` name is the `kind` in the log and in the metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub(crate) enum SecurityEvent {
    /// A request addressed the server by an unknown name.
    HostRefused,
    /// A request came from a page of another site.
    OriginRefused,
    /// A session cookie was not issued by this server.
    CookieRefused,
    /// A name or a password was wrong, or an account is disabled.
    SignInFailed,
    /// An API key is not valid, or does not allow a request.
    KeyRefused,
    /// A user asked for what only an auditor or administrator may do.
    AccessRefused,
    /// There were too many failed attempts to sign in.
    SignInLimited,
    /// A session, a network or a connection exceeded its rate.
    RateLimited,
    /// A connection was closed because it kept exceeding its rate.
    Flood,
    /// A user, a network, or all clients together, have too many connections.
    ConnectionLimited,
}

impl SecurityEvent {
    /// Returns the security event that this error indicates, if any.
    pub(crate) fn of(error: &ApiError) -> Option<Self> {
        match error {
            ApiError::HostNotAllowed => Some(Self::HostRefused),
            ApiError::OriginNotAllowed | ApiError::EngineIo(EngineIoError::Forbidden) => {
                Some(Self::OriginRefused)
            }
            ApiError::Chat(ChatError::WrongCredentials | ChatError::AccountDisabled) => {
                Some(Self::SignInFailed)
            }
            ApiError::Chat(
                ChatError::InvalidApiKey
                | ChatError::Forbidden(Forbidden::MissingScope { .. } | Forbidden::SignInNeeded),
            ) => Some(Self::KeyRefused),
            ApiError::Chat(ChatError::Forbidden(
                Forbidden::AdminNeeded | Forbidden::AuditorNeeded | Forbidden::AdminKey,
            )) => Some(Self::AccessRefused),
            ApiError::Chat(ChatError::TooManySignIns { .. }) => Some(Self::SignInLimited),
            ApiError::RateLimited { .. }
            | ApiError::TooManyNewUsers { .. }
            | ApiError::TooManyKeyChanges { .. } => Some(Self::RateLimited),
            ApiError::TooManyUserConnections
            | ApiError::TooManyNetworkConnections
            | ApiError::TooManyServerConnections => Some(Self::ConnectionLimited),
            _ => None,
        }
    }
}

/// The security events of a server. Clones share the counts.
#[derive(Clone, Default)]
pub(crate) struct SecurityLog(Arc<SharedLogLimiter<EventKey>>);

/// The key under which events are counted: their kind and network. `None` stands for all networks beyond
/// [`MAX_KEYS`].
type EventKey = (SecurityEvent, Option<Network>);

impl SecurityLog {
    /// Counts an event, and logs it unless an event with the same key was logged within the last minute. A later
    /// line contains the number of further events.
    pub(crate) fn record(&self, event: SecurityEvent, network: Network, user_id: Option<UserId>) {
        counter!(SECURITY_EVENTS, "kind" => <&'static str>::from(event)).increment(1);
        let key = |limiter: &LogLimiter<EventKey>| key_of(limiter, event, network);
        if let Some(key) = self.0.count(key, |key, count| log(key, count, None)) {
            log(key, 1, user_id);
        }
    }
}

fn key_of(limiter: &LogLimiter<EventKey>, event: SecurityEvent, network: Network) -> EventKey {
    let key = (event, Some(network));
    if limiter.has_space_for(&key, MAX_KEYS) { key } else { (event, None) }
}

fn log((event, client): EventKey, count: u64, user_id: Option<UserId>) {
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
    fn networks_beyond_the_maximum_share_a_log_line_per_kind() {
        let (mut limiter, now) = (LogLimiter::default(), Instant::now());

        let lines = (0..100_000).filter(|number: &u32| {
            let client = Network::of(IpAddr::V4((*number).into()));
            let key = key_of(&limiter, SecurityEvent::RateLimited, client);
            limiter.add(key, now)
        });

        assert_eq!(lines.count(), MAX_KEYS + 1);
    }
}
