//! The names of roles and statuses in the databases.

use strum::VariantArray;
use webchat_domain::{
    AccessMethod, AccountRole, AuditActionKind, AuditResult, JobStatus, MessageStatus, Role,
};

/// A value that is stored under a name.
pub trait StoredName: Copy + 'static {
    /// All values.
    const ALL: &'static [Self];

    /// Returns the name. It must never change, because databases contain it.
    #[must_use]
    fn stored_name(self) -> &'static str;

    /// Returns the value with this name.
    #[must_use]
    fn from_stored_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|value| value.stored_name() == name)
    }

    /// Returns all names.
    #[must_use]
    fn stored_names() -> Vec<&'static str> {
        Self::ALL.iter().map(|value| value.stored_name()).collect()
    }
}

impl StoredName for Role {
    const ALL: &'static [Self] = &[Self::User, Self::Assistant];

    fn stored_name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Assistant => "assistant",
        }
    }
}

impl StoredName for AccountRole {
    const ALL: &'static [Self] = &[Self::User, Self::Auditor, Self::Admin];

    fn stored_name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Auditor => "auditor",
            Self::Admin => "admin",
        }
    }
}

impl StoredName for MessageStatus {
    const ALL: &'static [Self] =
        &[Self::Complete, Self::Stopped, Self::Interrupted, Self::Failed, Self::Truncated];

    fn stored_name(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Stopped => "stopped",
            Self::Interrupted => "interrupted",
            Self::Failed => "failed",
            Self::Truncated => "truncated",
        }
    }
}

impl StoredName for JobStatus {
    const ALL: &'static [Self] = &[Self::Running, Self::Complete, Self::Failed, Self::Cancelled];

    fn stored_name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Complete => "complete",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// Implements [`StoredName`] with the names of `strum`.
macro_rules! strum_names {
    ($($name:ident),+) => {
        $(
            impl StoredName for $name {
                const ALL: &'static [Self] = Self::VARIANTS;

                fn stored_name(self) -> &'static str {
                    self.into()
                }
            }
        )+
    };
}

strum_names!(AccessMethod, AuditActionKind, AuditResult);
