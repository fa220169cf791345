//! The error of one attempt, from which the caller decides whether to retry.

use crate::{Cause, ModelError};

/// Why an attempt failed.
#[derive(Debug)]
pub(crate) struct AttemptError {
    /// The error that the user sees if there is no further attempt.
    pub(crate) model_error: ModelError,
    pub(crate) kind: AttemptErrorKind,
}

/// What an error means for the next attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AttemptErrorKind {
    /// No connection to the upstream could be made, whatever the request. The next attempt may succeed.
    NotConnected,
    /// The upstream closed the connection, failed or is overloaded (5xx), perhaps because of the request. The
    /// next attempt may succeed.
    Unavailable,
    /// The upstream did not answer in time. There is no retry, because the user has already waited too
    /// long.
    TimedOut,
    /// The upstream works, but this server has reached its rate limit.
    RateLimited,
    /// The upstream refuses the key or access token (401). Another token may be accepted.
    Unauthenticated,
    /// The next attempt would fail in the same way.
    Permanent,
}

impl AttemptErrorKind {
    pub(crate) fn is_retryable(self) -> bool {
        matches!(self, Self::NotConnected | Self::Unavailable | Self::RateLimited)
    }

    /// Returns whether the error suggests that the upstream does not work at all.
    pub(crate) fn is_outage(self) -> bool {
        matches!(self, Self::NotConnected | Self::Unavailable | Self::TimedOut)
    }
}

impl AttemptError {
    /// Returns whether the reason may be the deployment, so that another one may answer the same request.
    pub(crate) fn is_of_deployment(&self) -> bool {
        match self.model_error {
            ModelError::Unreachable { .. }
            | ModelError::AccountRefused(_)
            | ModelError::AccessDenied(_)
            | ModelError::NotFound(_)
            | ModelError::RateLimited { .. }
            | ModelError::Failed(_) => true,
            ModelError::ContextTooLong(_)
            | ModelError::ContentFilter { .. }
            | ModelError::ParameterRefused { .. }
            | ModelError::AnswerTooLong(_)
            | ModelError::EmptyAnswer { .. }
            | ModelError::Refused(_) => false,
        }
    }

    /// Creates the error of a model without a deployment to ask.
    pub(crate) fn no_deployment() -> Self {
        Self::unreachable(AttemptErrorKind::Permanent, "the model has no deployment")
    }

    /// Creates an error that the user sees as [`ModelError::Unreachable`].
    pub(crate) fn unreachable(kind: AttemptErrorKind, cause: impl Into<Cause>) -> Self {
        Self {
            model_error: ModelError::Unreachable { retry_after: None, cause: cause.into() },
            kind,
        }
    }

    /// Creates an error that the user sees as [`ModelError::Failed`].
    pub(crate) fn failed(kind: AttemptErrorKind, cause: impl Into<Cause>) -> Self {
        Self { model_error: ModelError::Failed(cause.into()), kind }
    }
}
