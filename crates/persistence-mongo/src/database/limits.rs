//! Limits of single calls.

use std::time::Duration;

/// The maximum number of connections to each server, unless the URI sets another one. It is the default of MongoDB's other
/// drivers. With this driver's default of 10, concurrent turns would wait for each other's commits to be written to disk.
pub(super) const MAX_CONNECTIONS: u32 = 100;

/// The maximum time that the server may take for a read, even if the caller no longer waits for it.
pub(crate) const READ_TIME: Duration = Duration::from_secs(5);

/// The maximum time that the server may take for a search.
pub(crate) const SEARCH_TIME: Duration = Duration::from_secs(2);

/// The maximum time that the server may take to count all messages before a copy.
pub(crate) const LONG_READ_TIME: Duration = Duration::from_secs(10);

/// The maximum number of concurrent searches and export reads, so that ordinary reads find a free connection.
pub(crate) const MAX_LONG_READS: usize = 8;

/// The maximum time that such a read waits for others to end.
pub(crate) const MAX_LONG_READ_WAIT: Duration = Duration::from_secs(5);

/// The maximum number of documents that one transaction writes or deletes in bulk, so that it stays short.
pub(crate) const MAX_DOCUMENTS: u16 = 500;
