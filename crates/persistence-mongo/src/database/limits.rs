//! Limits of what one call does.

use std::time::Duration;

/// How long the server works on a read at most, also if the caller no longer waits for it.
pub(crate) const READ_TIME: Duration = Duration::from_secs(5);

/// How long the server works on a search at most.
pub(crate) const SEARCH_TIME: Duration = Duration::from_secs(2);

/// How long the server counts all messages at most, before a copy.
pub(crate) const LONG_READ_TIME: Duration = Duration::from_secs(10);

/// The maximum number of searches and reads of exports at a time, so that ordinary reads find a connection.
pub(crate) const MAX_LONG_READS: usize = 4;

/// How long such a read waits for another one to end.
pub(crate) const MAX_LONG_READ_WAIT: Duration = Duration::from_secs(5);

/// The maximum number of documents that one transaction writes or deletes in bulk, so that it stays short.
pub(crate) const MAX_DOCUMENTS: u16 = 500;
