use thiserror::Error;

/// Why a database can't be used.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The URI can't be read.
    #[error("this is no MongoDB URI")]
    InvalidUri(#[source] mongodb::error::Error),
}
