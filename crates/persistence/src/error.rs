//! The errors of stores.

use std::error::Error as StdError;

use thiserror::Error;

/// The reason why a store failed to execute a request. Nothing of the request was stored, unless the connection to the
/// store was lost before its response: then the request may have been executed.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The store can't be reached, is full or is read-only: the same request may succeed later.
    #[error("the store is unavailable")]
    Unavailable(#[source] Box<dyn StdError + Send + Sync>),
    /// The request took longer than allowed and was stopped, or no connection became free in time: the same request
    /// may succeed later.
    #[error("the store took too long")]
    Timeout(#[source] Box<dyn StdError + Send + Sync>),
    /// The store or its data is corrupt: a retry fails too.
    #[error("the store is faulty")]
    Fault(#[source] Box<dyn StdError + Send + Sync>),
}

impl StoreError {
    /// Wraps the cause of [`Self::Unavailable`].
    pub fn unavailable(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::Unavailable(cause.into())
    }

    /// Wraps the cause of [`Self::Timeout`].
    pub fn timeout(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::Timeout(cause.into())
    }

    /// Wraps the cause of [`Self::Fault`].
    pub fn fault(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::Fault(cause.into())
    }
}
