//! Classifies the driver's errors as transient or permanent.

use mongodb::error::{
    Error, ErrorKind, RETRYABLE_WRITE_ERROR, SYSTEM_OVERLOADED_ERROR, TRANSIENT_TRANSACTION_ERROR,
    UNKNOWN_TRANSACTION_COMMIT_RESULT, WriteFailure,
};
use webchat_persistence::StoreError;

/// The driver's labels of errors after which a later attempt may succeed.
const TRANSIENT_LABELS: [&str; 4] = [
    RETRYABLE_WRITE_ERROR,
    SYSTEM_OVERLOADED_ERROR,
    TRANSIENT_TRANSACTION_ERROR,
    UNKNOWN_TRANSACTION_COMMIT_RESULT,
];

/// The server's codes of errors after which a later attempt may succeed, from its `error_codes.yml`.
const TRANSIENT_CODES: [i32; 38] = [
    6,     // HostUnreachable
    7,     // HostNotFound
    13,    // Unauthorized
    18,    // AuthenticationFailed
    24,    // LockTimeout
    27,    // IndexNotFound
    43,    // CursorNotFound
    63,    // StaleShardVersion
    64,    // WriteConcernFailed
    89,    // NetworkTimeout
    91,    // ShutdownInProgress
    100,   // UnsatisfiableWriteConcern
    112,   // WriteConflict
    133,   // FailedToSatisfyReadPreference
    134,   // ReadConcernMajorityNotAvailableYet
    146,   // ExceededMemoryLimit
    175,   // QueryPlanKilled
    189,   // PrimarySteppedDown
    202,   // NetworkInterfaceExceededTimeLimit
    225,   // TransactionTooOld
    237,   // CursorKilled
    251,   // NoSuchTransaction
    262,   // ExceededTimeLimit
    290,   // TransactionExceededLifetimeLimitSeconds
    292,   // QueryExceededMemoryLimitNoDiskUseAllowed
    365,   // TemporarilyUnavailable
    391,   // ReauthenticationRequired
    462,   // IngressRequestRateLimitExceeded
    8000,  // AtlasError: for example over its quota
    9001,  // SocketException
    10058, // NotPrimary, of old servers
    10107, // NotWritablePrimary
    11600, // InterruptedAtShutdown
    11601, // Interrupted
    11602, // InterruptedDueToReplStateChange
    13435, // NotPrimaryNoSecondaryOk
    13436, // NotPrimaryOrSecondary
    14031, // OutOfDiskSpace
];

/// `MaxTimeMSExpired`: a read took longer than allowed.
const MAX_TIME_EXPIRED: i32 = 50;

/// `DuplicateKey`: a unique index contains the document's keys.
const DUPLICATE_KEY: i32 = 11000;

/// Converts an error of the driver. Keeps only its kind for the log: an [`Error`] also contains the server's complete
/// response, which is binary.
pub(crate) fn store_error(error: Error) -> StoreError {
    if code(&error.kind) == Some(MAX_TIME_EXPIRED) {
        return StoreError::timeout(*error.kind);
    }
    let is_transient = TRANSIENT_LABELS.iter().any(|label| error.contains_label(label))
        || is_transient(error.kind.as_ref());
    if is_transient { StoreError::unavailable(*error.kind) } else { StoreError::fault(*error.kind) }
}

fn is_transient(kind: &ErrorKind) -> bool {
    match kind {
        ErrorKind::Authentication { .. }
        | ErrorKind::ConnectionPoolCleared { .. }
        | ErrorKind::DnsResolve { .. }
        | ErrorKind::Io(_)
        | ErrorKind::ServerSelection { .. }
        | ErrorKind::Shutdown
        // The servers support transactions, but none of them is available now.
        | ErrorKind::Transaction { .. } => true,
        _ => code(kind).is_some_and(|code| TRANSIENT_CODES.contains(&code)),
    }
}

/// Whether a document was not stored because a unique index contains its keys.
pub(crate) fn is_duplicate_key(error: &Error) -> bool {
    code(&error.kind) == Some(DUPLICATE_KEY)
}

/// Returns the server's error code, if the server sent one.
pub(crate) fn code(kind: &ErrorKind) -> Option<i32> {
    match kind {
        ErrorKind::Command(error) => Some(error.code),
        ErrorKind::Write(WriteFailure::WriteError(error)) => Some(error.code),
        ErrorKind::Write(WriteFailure::WriteConcernError(error)) => Some(error.code),
        ErrorKind::InsertMany(error) => {
            let rejected = error.write_errors.iter().flatten().next().map(|error| error.code);
            rejected.or(error.write_concern_error.as_ref().map(|error| error.code))
        }
        _ => None,
    }
}
