//! The error of one attempt, before the decision whether the request is sent again.

use crate::{Cause, ModelError};

/// Why an attempt failed, and what that means for the next one.
#[derive(Debug)]
pub(crate) struct AttemptError {
    pub(crate) error: ModelError,
    pub(crate) kind: AttemptErrorKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AttemptErrorKind {
    /// The upstream can't be reached or fails. The next attempt may succeed.
    Unavailable,
    /// The upstream did not answer in time. The next attempt may succeed, but would double a wait that
    /// was too long already.
    TimedOut,
    /// The upstream works, but is overloaded.
    Overloaded,
    /// The upstream works, and would answer the next attempt in the same way.
    Permanent,
}

impl AttemptErrorKind {
    pub(crate) fn is_retryable(self) -> bool {
        matches!(self, Self::Unavailable | Self::Overloaded)
    }

    /// Whether the error suggests that the upstream does not work at all.
    pub(crate) fn is_outage(self) -> bool {
        matches!(self, Self::Unavailable | Self::TimedOut)
    }
}

impl AttemptError {
    pub(crate) fn unreachable(kind: AttemptErrorKind, cause: impl Into<Cause>) -> Self {
        Self { error: ModelError::Unreachable { retry_after: None, cause: cause.into() }, kind }
    }

    pub(crate) fn failed(kind: AttemptErrorKind, cause: impl Into<Cause>) -> Self {
        Self { error: ModelError::Failed(cause.into()), kind }
    }
}
