//! Logs the errors of requests and of events on live connections. The log contains no data that a client sent.

use std::error::Error;
use std::sync::Arc;

use actix_web::ResponseError;
use actix_web::http::StatusCode;
use metrics::counter;
use webchat_chat::{ProviderSignInError, SharedLogLimiter};
use webchat_domain::error_chain;

use super::api_error::ApiError;
use crate::security_log::SecurityEvent;

/// The counter of 5xx errors, by `code`.
pub(crate) const SERVER_ERRORS: &str = "webchat_server_errors_total";

/// The error log of a server. Clones share the counts.
#[derive(Clone, Default)]
pub(crate) struct ErrorLog(Arc<SharedLogLimiter<ErrorKey>>);

/// The key under which errors are counted: their code and route.
type ErrorKey = (&'static str, String);

impl ErrorLog {
    /// Logs an error under the id that the client receives: with its causes if the server failed, and otherwise
    /// only its code, because its text may quote the request.
    ///
    /// If the server is overloaded or unavailable, only the first error of each route and code is logged, and later
    /// the number of further ones. An internal error is a bug, and is always logged.
    pub(crate) fn log(&self, request_id: &str, route: &str, error: &ApiError) {
        let (code, status) = (error.code(), error.status_code());
        if !status.is_server_error() {
            tracing::debug!(request_id, code, "rejected a request");
            return;
        }
        counter!(SERVER_ERRORS, "code" => code).increment(1);
        if matches!(error, ApiError::OpenAi(_)) {
            // The use case has logged why the model failed.
            return;
        }
        let is_bug = status == StatusCode::INTERNAL_SERVER_ERROR;
        if SecurityEvent::of(error).is_none() && (is_bug || self.count_and_should_log(code, route))
        {
            log(request_id, error);
        }
    }

    /// Logs why an identity provider has signed nobody in. Anybody can cause such failures, so only the first one of each
    /// provider and code is logged, and later the number of further ones.
    pub(crate) fn log_sign_in(
        &self,
        request_id: Option<&str>,
        provider: &str,
        error: &ProviderSignInError,
        message: &str,
    ) {
        let (code, causes) = (error.code(), error_chain(error));
        if self.count_and_should_log(code, &format!("identity provider {provider}")) {
            tracing::warn!(request_id, provider, code, error = causes, "{message}");
        }
    }

    /// Counts an error, and returns whether to log it. Also logs the number of errors that were not logged, for
    /// each key whose interval has ended.
    fn count_and_should_log(&self, code: &'static str, route: &str) -> bool {
        let log_rest = |(code, route): ErrorKey, count| {
            tracing::warn!(code, route, count, "failed to handle more requests");
        };
        self.0.count(|_| (code, route.to_owned()), log_rest).is_some()
    }
}

fn log(request_id: &str, error: &ApiError) {
    let code = error.code();
    if error.source().is_some() {
        tracing::error!(request_id, code, error = error_chain(error), "failed to handle request");
    } else {
        // The server is busy or shutting down: the error has no cause.
        tracing::warn!(request_id, code, "server is busy or shutting down, rejected request");
    }
}
