//! Propagates the trace context from clients' requests to requests to the model, see
//! <https://www.w3.org/TR/trace-context/>.

use std::collections::HashMap;
use std::sync::Arc;

use opentelemetry::Context;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;
use webchat_llm::RequestHeaders;
use webchat_transport::ContinueTrace;

use crate::TraceSettings;

/// Returns the function that continues the trace of a request, or `None` if tracing is disabled.
pub(crate) fn continue_trace(settings: &TraceSettings) -> Option<ContinueTrace> {
    settings.endpoint.as_ref()?;
    Some(Arc::new(|span, parent| {
        let headers = HashMap::from([("traceparent".to_owned(), parent.to_owned())]);
        let propagator = TraceContextPropagator::new();
        let context = propagator.extract_with_context(&Context::new(), &headers);
        // Fails for `/healthz`, `/readyz` and `/metrics`, which have no span.
        let _ = span.set_parent(context);
    }))
}

/// Returns the function that creates the trace headers for the current span, or `None` if tracing is disabled.
pub(crate) fn request_headers(settings: &TraceSettings) -> Option<RequestHeaders> {
    settings.endpoint.as_ref()?;
    Some(Arc::new(|| {
        let mut headers = HashMap::new();
        let context = Span::current().context();
        TraceContextPropagator::new().inject_context(&context, &mut headers);
        headers.into_iter().filter(|(_, value)| !value.is_empty()).collect()
    }))
}
