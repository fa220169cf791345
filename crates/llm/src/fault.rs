use crate::{Cause, ModelError};

/// Why a try brought no answer, and what that means for the next one.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) error: ModelError,
    pub(crate) kind: FaultKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FaultKind {
    /// It can't be reached, or breaks: the next try may work.
    Broken,
    /// Nothing came in time. The next try may work, but would double a wait that was too long.
    Silent,
    /// It works, and has too much to do now.
    Busy,
    /// It works, and would say the same again.
    Final,
}

impl FaultKind {
    pub(crate) fn is_worth_another_try(self) -> bool {
        matches!(self, Self::Broken | Self::Busy)
    }

    /// Whether it is a sign that the upstream does not work at all.
    pub(crate) fn is_upstreams_failure(self) -> bool {
        matches!(self, Self::Broken | Self::Silent)
    }
}

impl Fault {
    pub(crate) fn unreachable(kind: FaultKind, cause: impl Into<Cause>) -> Self {
        Self { error: ModelError::Unreachable { retry_after: None, cause: cause.into() }, kind }
    }

    pub(crate) fn failed(kind: FaultKind, cause: impl Into<Cause>) -> Self {
        Self { error: ModelError::Failed(cause.into()), kind }
    }
}
