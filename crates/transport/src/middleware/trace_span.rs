//! The span of a request for traces. It is separate from the log's span, because it has other fields.

use actix_web::HttpMessage;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use tracing::field::Empty;
use tracing::{Instrument, Span, info_span};
use tracing_actix_web::RequestId;
use webchat_domain::TRACE_TARGET;

use crate::health::is_probe;
use crate::metrics::known_method;
use crate::settings::ContinueTrace;

/// The recorded method of requests with an unknown method.
const OTHER_METHOD: &str = "_OTHER";

/// Handles a request in its span, which ends with the response headers. Probes have no span.
pub(crate) async fn trace_request<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
    continue_trace: Option<ContinueTrace>,
) -> Result<ServiceResponse<B>, actix_web::Error> {
    let span = span_of(&request);
    if let Some(continue_trace) = continue_trace {
        let parent = request.headers().get("traceparent");
        if let Some(parent) = parent.and_then(|parent| parent.to_str().ok()) {
            continue_trace(&span, parent);
        }
    }
    let response = next.call(request).instrument(span.clone()).await?;
    let status = response.status();
    span.record("http.response.status_code", i64::from(status.as_u16()));
    if status.is_server_error() {
        span.record("error.type", status.as_str()).record("otel.status_code", "ERROR");
    }
    Ok(response)
}

/// Creates the span. It has no parent, so that other tasks in this span don't log the fields of the request's log
/// span.
fn span_of(request: &ServiceRequest) -> Span {
    let route = request.match_pattern();
    if route.as_deref().is_some_and(is_probe) {
        return Span::none();
    }
    let method = known_method(request.method());
    let method = method.map_or(OTHER_METHOD, |method| method.as_str());
    info_span!(
        target: TRACE_TARGET,
        parent: None,
        "request",
        otel.name = route.as_ref().map_or_else(|| method.to_owned(), |route| format!("{method} {route}")),
        otel.kind = "server",
        otel.status_code = Empty,
        http.request.method = method,
        http.route = route,
        http.response.status_code = Empty,
        error.type = Empty,
        webchat.request.id = request.extensions().get::<RequestId>().map(ToString::to_string),
    )
}
