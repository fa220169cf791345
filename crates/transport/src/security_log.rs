//! Counts and logs what may be an attack.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use metrics::counter;
use strum::IntoStaticStr;
use webchat_domain::{Network, UserId};

use crate::error::api_error::ApiError;
use crate::realtime::socket_io::engine_io_error::EngineIoError;

/// The number of security events, by `kind`.
const EVENTS: &str = "webchat_security_events_total";

/// The interval between two lines of the log for the same kind and address.
const LOG_INTERVAL: Duration = Duration::from_mins(1);

/// The maximum number of kinds and addresses that are distinguished within an interval. Further addresses
/// share one line per kind.
const MAX_SOURCES: usize = 1_000;

/// A kind of security event. Its `strum` name is the `kind` in the log and in the metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, IntoStaticStr)]
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
            ApiError::ConnectionLimit
            | ApiError::ConnectionLimitOfAddress
            | ApiError::TooManyConnections => Some(Self::ConnectionLimited),
            _ => None,
        }
    }
}

/// The security events of a server. Clones share the counts.
#[derive(Clone, Default)]
pub(crate) struct SecurityLog(Arc<Mutex<Counts>>);

/// Whose events are counted together. `None` is all addresses beyond [`MAX_SOURCES`].
type Source = (SecurityEvent, Option<Network>);

#[derive(Default)]
struct Counts(HashMap<Source, Count>);

struct Count {
    logged_at: Instant,
    /// The events since then.
    unlogged: u64,
}

impl SecurityLog {
    /// Counts an event, and logs it unless the same kind from the same address was logged within
    /// [`LOG_INTERVAL`]. A later line has the number of the events since.
    pub(crate) fn record(&self, event: SecurityEvent, client: Network, user_id: Option<UserId>) {
        counter!(EVENTS, "kind" => <&'static str>::from(event)).increment(1);
        let now = Instant::now();
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let ended = counts.end_intervals(now);
        let source = counts.source(event, client);
        let count = counts.add(source, now);
        drop(counts);
        for (source, count) in ended {
            log(source, count, None);
        }
        if let Some(count) = count {
            log(source, count, user_id);
        }
    }
}

fn log((event, client): Source, count: u64, user_id: Option<UserId>) {
    let kind = <&'static str>::from(event);
    let client = client.map_or_else(|| "others".to_owned(), |client| client.to_string());
    let user_id = user_id.map(|user_id| user_id.to_string());
    tracing::warn!(target: "webchat::security", kind, client, user_id, count, "security event");
}

impl Counts {
    fn source(&self, event: SecurityEvent, client: Network) -> Source {
        let source = (event, Some(client));
        let has_space = self.0.len() < MAX_SOURCES || self.0.contains_key(&source);
        if has_space { source } else { (event, None) }
    }

    /// Returns the number of events to log now, if any.
    fn add(&mut self, source: Source, now: Instant) -> Option<u64> {
        if let Some(count) = self.0.get_mut(&source) {
            count.unlogged = count.unlogged.saturating_add(1);
            return None;
        }
        self.0.insert(source, Count { logged_at: now, unlogged: 0 });
        Some(1)
    }

    /// Forgets the sources whose interval has ended. Returns those with events that are not logged yet.
    fn end_intervals(&mut self, now: Instant) -> Vec<(Source, u64)> {
        let is_over = |count: &Count| now.duration_since(count.logged_at) >= LOG_INTERVAL;
        let ended = self.0.extract_if(|_, count| is_over(count));
        ended
            .map(|(source, count)| (source, count.unlogged))
            .filter(|(_, count)| *count > 0)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    const KIND: SecurityEvent = SecurityEvent::RateLimited;

    fn client(number: u32) -> Network {
        Network::of(IpAddr::V4(number.into()))
    }

    #[test]
    fn events_of_one_source_are_logged_once_per_interval_with_their_number() {
        let (mut counts, start) = (Counts::default(), Instant::now());
        let source = counts.source(KIND, client(1));

        let logged: Vec<_> = (0..1_000).map(|_| counts.add(source, start)).collect();
        let too_early = counts.end_intervals(start + LOG_INTERVAL / 2);
        let ended = counts.end_intervals(start + LOG_INTERVAL);
        let next = counts.add(source, start + LOG_INTERVAL);

        assert_eq!(logged.into_iter().flatten().collect::<Vec<_>>(), [1]);
        assert_eq!(too_early, []);
        assert_eq!(ended, [(source, 999)]);
        assert_eq!(next, Some(1));
    }

    #[test]
    fn beyond_the_maximum_addresses_share_a_line_per_kind() {
        let (mut counts, start) = (Counts::default(), Instant::now());

        let lines = (0..100_000).filter(|number| {
            let source = counts.source(KIND, client(*number));
            counts.add(source, start).is_some()
        });

        assert_eq!(lines.count(), MAX_SOURCES + 1);
    }
}
