//! The errors of this crate, and what they mean for the caller.

use std::error::Error;
use std::time::Duration;

use redis::{ErrorKind, RedisError, ServerErrorKind};
use thiserror::Error;
use webchat_persistence::StoreError;

/// The codes of errors that are resolved by waiting, or by an operator.
const TRANSIENT_CODES: [&str; 5] = ["BUSY", "MISCONF", "NOREPLICAS", "OOM", "UNKILLABLE"];

/// Why Redis can't be used. The password is never shown.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The URL is invalid.
    // The URL is not shown, as any part of it may have been meant as the password.
    #[error(
        "REDIS_URL is not a valid Redis address: expected redis://[user:password@]host[:port][/database], \
         rediss:// for TLS, with special characters of the password percent-encoded"
    )]
    InvalidUrl,
    /// Redis rejects the connection: the password, the number of the database, or the version.
    #[error("Redis at {server} rejected the connection: {cause}")]
    Rejected {
        /// Host and port.
        server: String,
        /// The cause.
        cause: Box<dyn Error + Send + Sync>,
    },
    /// No Redis was ready in time.
    #[error("no Redis at {server} within {} s: {cause}", .timeout.as_secs_f32())]
    Unreachable {
        /// Host and port.
        server: String,
        /// The timeout.
        timeout: Duration,
        /// The error of the last attempt.
        cause: Box<dyn Error + Send + Sync>,
    },
}

/// The store error for a failed command.
pub(crate) fn store_error(error: RedisError) -> StoreError {
    if is_transient(&error) { StoreError::unavailable(error) } else { StoreError::fault(error) }
}

/// Whether the same command may succeed later.
pub(crate) fn is_transient(error: &RedisError) -> bool {
    match error.kind() {
        ErrorKind::Io
        | ErrorKind::Server(
            ServerErrorKind::BusyLoading
            | ServerErrorKind::ClusterDown
            | ServerErrorKind::MasterDown
            | ServerErrorKind::ReadOnly
            | ServerErrorKind::TryAgain,
        ) => true,
        _ => error.code().is_some_and(|code| TRANSIENT_CODES.contains(&code)),
    }
}

/// Whether the connection must not be reused: it may have died, or it leads to a Redis that is no
/// longer the master.
pub(crate) fn poisons_connection(error: &RedisError) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Io | ErrorKind::Server(ServerErrorKind::MasterDown | ServerErrorKind::ReadOnly)
    )
}
