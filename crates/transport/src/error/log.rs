//! Logs why requests and frames failed. Nothing that a client sent is logged with it.

use std::error::Error;

use actix_web::ResponseError;
use webchat_chat::error_chain;

use super::api_error::ApiError;
use crate::security_log::SecurityEvent;

/// Logs an error once, under the id that the client gets: with its causes if the server failed, and
/// otherwise only its code, as its text may quote the request.
pub(crate) fn log(request_id: &str, error: &ApiError) {
    let code = error.code();
    if !error.status_code().is_server_error() {
        tracing::debug!(request_id, code, "rejected a request");
    } else if error.source().is_some() {
        tracing::error!(request_id, code, error = error_chain(error), "failed to handle a request");
    } else if SecurityEvent::of(error).is_none() {
        // Busy, or shutting down: the error has no cause.
        tracing::warn!(request_id, code, "can't handle a request now");
    }
}
