//! Limits of what one transaction does.

/// The maximum number of documents that one transaction writes or deletes in bulk, so that it stays short.
pub(crate) const MAX_DOCUMENTS: u16 = 500;
