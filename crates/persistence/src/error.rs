//! Why a store did not do what it was asked to.

use std::error::Error as StdError;

use thiserror::Error;

/// Why a store did not do what it was asked to. Nothing of the request was stored.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The store can't be reached, is full or is read-only: the same request may succeed later.
    #[error("the store is unavailable")]
    Unavailable(#[source] Box<dyn StdError + Send + Sync>),
    /// It took longer than allowed and was stopped, or nothing became free for it in time: the same
    /// request may succeed later.
    #[error("the store took too long")]
    Timeout(#[source] Box<dyn StdError + Send + Sync>),
    /// A fault that a retry does not fix: the stored data is not what was written.
    #[error("the store is faulty")]
    Fault(#[source] Box<dyn StdError + Send + Sync>),
}

impl StoreError {
    /// The store can't do it now; a retry may succeed.
    pub fn unavailable(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::Unavailable(cause.into())
    }

    /// It took longer than allowed; a retry may succeed.
    pub fn timeout(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::Timeout(cause.into())
    }

    /// The store or its data is broken; a retry fails too.
    pub fn fault(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::Fault(cause.into())
    }
}
