//! The lease of a turn on its conversation.

use std::time::Duration;

/// How long a lease lasts without being renewed. After that, the turn counts as abandoned.
pub(crate) const LEASE: Duration = Duration::from_secs(10);
