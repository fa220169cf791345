//! The timeout of the tests.

use std::time::Duration;

/// The maximum time that a test waits for an event or a condition.
pub const TIMEOUT: Duration = Duration::from_secs(20);
