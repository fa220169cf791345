//! The metrics of requests and connections, which `docs/metrics.md` describes.

use std::time::Duration;

use actix_web::http::Method;
use metrics::{
    Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};
use strum::{IntoStaticStr, VariantArray};
use webchat_chat::{CallerPermit, GaugeGuard};

use crate::error::log::SERVER_ERRORS;
use crate::realtime::close_reason::CloseReason;
use crate::security_log::{SECURITY_EVENTS, SecurityEvent};

const READY: &str = "webchat_ready";
const REQUESTS: &str = "webchat_http_request_seconds";
const CONNECTIONS: &str = "webchat_connections";
const CLOSED_CONNECTIONS: &str = "webchat_connections_closed_total";

/// The route label of requests that no route matches.
const NO_ROUTE: &str = "none";

/// The methods of the routes. Clients can send arbitrary others.
const METHODS: [Method; 7] = [
    Method::GET,
    Method::HEAD,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
    Method::OPTIONS,
];

/// Describes the metrics of this crate to the recorder, and starts their series at 0. Call it once, after the recorder
/// is installed.
pub fn describe_metrics() {
    describe_gauge!(READY, "Whether the server is ready, as reported by /readyz");
    describe_histogram!(
        REQUESTS,
        Unit::Seconds,
        "Time from a request to its response headers, by method, route and status class"
    );
    describe_gauge!(CONNECTIONS, "Open live connections, by kind");
    for kind in ConnectionKind::VARIANTS {
        gauge!(CONNECTIONS, "kind" => <&str>::from(*kind)).set(0.0);
    }
    describe_counter!(
        CLOSED_CONNECTIONS,
        "Closed WebSockets and Socket.IO sessions, by kind and reason"
    );
    for kind in [ConnectionKind::WebSocket, ConnectionKind::SocketIo] {
        for reason in CloseReason::VARIANTS {
            closed_connections(kind, *reason).increment(0);
        }
    }
    describe_counter!(
        SERVER_ERRORS,
        "5xx responses, and such errors on live connections, by error code"
    );
    counter!(SERVER_ERRORS, "code" => "internal").increment(0);
    describe_counter!(SECURITY_EVENTS, "Security events (possible attacks), by kind");
    for kind in SecurityEvent::VARIANTS {
        counter!(SECURITY_EVENTS, "kind" => <&str>::from(*kind)).increment(0);
    }
}

pub(crate) fn record_readiness(is_ready: bool) {
    gauge!(READY).set(u8::from(is_ready));
}

/// Returns the method if it is one of [`METHODS`].
pub(crate) fn known_method(method: &Method) -> Option<&Method> {
    Some(method).filter(|method| METHODS.contains(method))
}

/// Records the duration of a request.
pub(crate) fn record_request(
    method: &Method,
    route: Option<String>,
    status: u16,
    duration: Duration,
) {
    let method = known_method(method).map_or_else(|| "other".to_owned(), Method::to_string);
    let route = route.unwrap_or_else(|| NO_ROUTE.to_owned());
    let status = match status {
        100..200 => "1xx",
        200..300 => "2xx",
        300..400 => "3xx",
        400..500 => "4xx",
        _ => "5xx",
    };
    histogram!(REQUESTS, "method" => method, "route" => route, "status" => status).record(duration);
}

/// The kinds of live connections. The `strum` name is the metric label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub(crate) enum ConnectionKind {
    #[strum(serialize = "websocket")]
    WebSocket,
    SocketIo,
    EventStream,
}

/// A permit that counts a live connection towards its limits and in the metrics until it is dropped.
pub(crate) struct ConnectionPermit {
    kind: ConnectionKind,
    _permit: CallerPermit,
    _open: GaugeGuard,
}

impl ConnectionPermit {
    pub(crate) fn new(kind: ConnectionKind, permit: CallerPermit) -> Self {
        let open = GaugeGuard::new(gauge!(CONNECTIONS, "kind" => <&str>::from(kind)));
        Self { kind, _permit: permit, _open: open }
    }

    /// Releases the permit of a closed connection, and counts the connection by the reason.
    pub(crate) fn release(self, reason: CloseReason) {
        closed_connections(self.kind, reason).increment(1);
    }
}

fn closed_connections(kind: ConnectionKind, reason: CloseReason) -> metrics::Counter {
    counter!(CLOSED_CONNECTIONS, "kind" => <&str>::from(kind), "reason" => <&str>::from(reason))
}
