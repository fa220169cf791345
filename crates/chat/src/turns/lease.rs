//! The lease that a turn has on its conversation.

use std::time::Duration;

/// How long a lease lasts without being renewed. After that, the instance that ran the turn counts as dead.
pub(crate) const LEASE: Duration = Duration::from_secs(10);
