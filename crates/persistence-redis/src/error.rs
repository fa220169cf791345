use std::error::Error;
use std::time::Duration;

use redis::{ErrorKind, RedisError, ServerErrorKind};
use thiserror::Error;
use webchat_persistence::StoreError;

/// Errors of Redis, by their code, that pass by themselves or when an operator makes room.
const PASSING_CODES: [&str; 5] = ["BUSY", "MISCONF", "NOREPLICAS", "OOM", "UNKILLABLE"];

/// Why Redis can't be used. The password never shows.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The URL can't be read.
    // It is not shown: who can say which part of it was meant to be the password?
    #[error(
        "REDIS_URL is no address of a Redis: redis://[user:password@]host[:port][/database] is \
         expected, rediss:// for TLS, with special characters of the password percent-encoded"
    )]
    InvalidUrl,
    /// Redis answers, and refuses: the password, the database's number, the version.
    #[error("Redis at {server} refuses: {cause}")]
    Refused {
        /// Its host and port.
        server: String,
        /// Why.
        cause: Box<dyn Error + Send + Sync>,
    },
    /// There is no Redis, or none that is ready.
    #[error("no Redis at {server} within {} s: {cause}", .patience.as_secs_f32())]
    Unreachable {
        /// Its host and port.
        server: String,
        /// How long it was waited for.
        patience: Duration,
        /// What the last try met.
        cause: Box<dyn Error + Send + Sync>,
    },
}

/// What a command's failure means to the layers above.
pub(crate) fn store_error(error: RedisError) -> StoreError {
    if is_passing(&error) { StoreError::unavailable(error) } else { StoreError::fault(error) }
}

/// Whether the same command may succeed later.
pub(crate) fn is_passing(error: &RedisError) -> bool {
    match error.kind() {
        ErrorKind::Io
        | ErrorKind::Server(
            ServerErrorKind::BusyLoading
            | ServerErrorKind::ClusterDown
            | ServerErrorKind::MasterDown
            | ServerErrorKind::ReadOnly
            | ServerErrorKind::TryAgain,
        ) => true,
        _ => error.code().is_some_and(|code| PASSING_CODES.contains(&code)),
    }
}

/// Whether the command may succeed on another connection: one that gave no answer may never give one
/// again, and one may lead to a Redis that is no master any more.
pub(crate) fn is_of_its_connection(error: &RedisError) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Io | ErrorKind::Server(ServerErrorKind::MasterDown | ServerErrorKind::ReadOnly)
    )
}
