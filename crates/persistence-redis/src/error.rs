//! The errors of this crate.

use std::error::Error;
use std::time::Duration;

use redis::{ErrorKind, RedisError, ServerErrorKind};
use thiserror::Error;
use webchat_persistence::StoreError;

/// The codes of errors that are resolved by waiting, or by an operator.
const TRANSIENT_CODES: [&str; 5] = ["BUSY", "MISCONF", "NOREPLICAS", "OOM", "UNKILLABLE"];

/// The reason why the Redis server can't be used. No message contains the password.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The URL is invalid.
    // The URL is not shown, because any part of it may be the password.
    #[error(
        "REDIS_URL is not a valid Redis URL: expected redis://[user:password@]host[:port][/database], \
         or rediss:// for TLS, with special characters of the password percent-encoded"
    )]
    InvalidUrl,
    /// Redis rejects the connection because of the password, the number of the database, or the version.
    #[error("Redis at {server} rejected the connection: {cause}")]
    Rejected {
        /// Host and port.
        server: String,
        /// The cause.
        cause: Box<dyn Error + Send + Sync>,
    },
    /// No Redis server was ready in time.
    #[error("no Redis server at {server} was ready within {} s: {cause}", .timeout.as_secs_f32())]
    Unreachable {
        /// Host and port.
        server: String,
        /// The timeout.
        timeout: Duration,
        /// The error of the last attempt.
        cause: Box<dyn Error + Send + Sync>,
    },
}

/// Converts the error of a failed command.
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

/// Whether the connection must not be reused, because it may be dead, or because its server is no longer the master.
pub(crate) fn poisons_connection(error: &RedisError) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Io | ErrorKind::Server(ServerErrorKind::MasterDown | ServerErrorKind::ReadOnly)
    )
}
