//! The span of a request, whose fields are part of each log line that is written during the request.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::{Error, HttpMessage};
use tracing::Span;
use tracing::field::Empty;
use tracing_actix_web::{RequestId, RootSpanBuilder};

use crate::extract::client_address::ClientAddress;
use crate::text::cut;

/// A longer method is cut, as clients may invent some.
const MAX_METHOD_CHARS: usize = 10;

/// A longer path is cut, as clients choose it.
const MAX_PATH_CHARS: usize = 200;

/// Builds the span: method, path, client and id of the request, and the status of the response. The query
/// is left out, as it may have the words of a search.
pub(crate) struct RequestSpan;

impl RootSpanBuilder for RequestSpan {
    fn on_request_start(request: &ServiceRequest) -> Span {
        let request_id = request.extensions().get::<RequestId>().map(ToString::to_string);
        // Errors must have these fields at each level of the log.
        tracing::error_span!(
            "request",
            request_id,
            method = cut(request.method().as_str(), MAX_METHOD_CHARS),
            path = cut(request.path(), MAX_PATH_CHARS),
            client = %ClientAddress::of(request.request()).0,
            status = Empty,
        )
    }

    fn on_request_end<B: MessageBody>(span: Span, outcome: &Result<ServiceResponse<B>, Error>) {
        match outcome {
            Ok(response) => drop(span.record("status", response.status().as_u16())),
            // The middleware inside has made a response of each error: this one is of an outer middleware.
            Err(error) => tracing::error!(%error, "failed to handle a request"),
        }
    }
}
