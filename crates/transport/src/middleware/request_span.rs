//! The span of a request. Each log line during the request contains its fields.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::{Error, HttpMessage};
use tracing::Span;
use tracing::field::Empty;
use tracing_actix_web::{RequestId, RootSpanBuilder};

use crate::extract::client_address::ClientAddress;
use crate::text::truncate;

/// The maximum length of a logged method, because clients can send arbitrary ones.
const MAX_METHOD_CHARS: usize = 10;

/// The maximum length of a logged path, because clients choose it.
const MAX_PATH_CHARS: usize = 200;

/// Builds the span with the method, path, client and id of the request, and the status of the response. The query
/// is omitted, because it may contain search words.
pub(crate) struct RequestSpan;

impl RootSpanBuilder for RequestSpan {
    fn on_request_start(request: &ServiceRequest) -> Span {
        let request_id = request.extensions().get::<RequestId>().map(ToString::to_string);
        // Errors must have these fields at every log level.
        tracing::error_span!(
            "request",
            request_id,
            method = truncate(request.method().as_str(), MAX_METHOD_CHARS),
            path = truncate(request.path(), MAX_PATH_CHARS),
            client = %ClientAddress::of(request.request()).0,
            status = Empty,
        )
    }

    fn on_request_end<B: MessageBody>(span: Span, outcome: &Result<ServiceResponse<B>, Error>) {
        match outcome {
            Ok(response) => drop(span.record("status", response.status().as_u16())),
            // Inner middleware converts each error into a response, so this error comes from outer middleware.
            Err(error) => tracing::error!(%error, "failed to handle request"),
        }
    }
}
