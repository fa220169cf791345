//! Logs why requests and frames failed. Nothing that a client sent is logged with it.

use std::error::Error;
use std::sync::Arc;

use actix_web::ResponseError;
use actix_web::http::StatusCode;
use metrics::counter;
use webchat_chat::{SharedLogLimiter, error_chain};

use super::api_error::ApiError;
use crate::security_log::SecurityEvent;

/// The number of 5xx errors, by `code`.
pub(crate) const SERVER_ERRORS: &str = "webchat_server_errors_total";

/// The errors of a server. Clones share the counts.
#[derive(Clone, Default)]
pub(crate) struct ErrorLog(Arc<SharedLogLimiter<Source>>);

/// Which errors are counted together: those with the same code and route.
type Source = (&'static str, String);

impl ErrorLog {
    /// Logs an error once, under the id that the client gets: with its causes if the server failed, and
    /// otherwise only its code, as its text may quote the request.
    ///
    /// Of the errors of an overloaded or unavailable server, only the first one of each route and code is logged, and
    /// later the number of those that followed. An internal error is a bug, and always logged.
    pub(crate) fn log(&self, request_id: &str, route: &str, error: &ApiError) {
        let (code, status) = (error.code(), error.status_code());
        if !status.is_server_error() {
            tracing::debug!(request_id, code, "rejected a request");
            return;
        }
        counter!(SERVER_ERRORS, "code" => code).increment(1);
        let is_bug = status == StatusCode::INTERNAL_SERVER_ERROR;
        if SecurityEvent::of(error).is_none() && (is_bug || self.count_and_should_log(code, route))
        {
            log(request_id, error);
        }
    }

    /// Counts an error, and returns whether to log it. Also logs, for those whose interval has ended, how
    /// many were not logged.
    fn count_and_should_log(&self, code: &'static str, route: &str) -> bool {
        let log_rest = |(code, route): Source, count| {
            tracing::warn!(code, route, count, "failed to handle more requests");
        };
        self.0.count(|_| (code, route.to_owned()), log_rest).is_some()
    }
}

fn log(request_id: &str, error: &ApiError) {
    let code = error.code();
    if error.source().is_some() {
        tracing::error!(request_id, code, error = error_chain(error), "failed to handle a request");
    } else {
        // Busy, or shutting down: the error has no cause.
        tracing::warn!(request_id, code, "can't handle a request now");
    }
}
