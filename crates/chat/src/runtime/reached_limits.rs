//! The metric of refused work.

use metrics::counter;
use strum::IntoStaticStr;

/// How often each limit was reached.
const REACHED: &str = "webchat_limits_reached_total";

/// A limit of what users may use. Its `strum` name is its label in the metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it; docs/operations.md has the table")]
pub enum Limit {
    TurnsPerUser,
    TurnsPerAddress,
    Turns,
    ConnectionsPerUser,
    ConnectionsPerAddress,
    Connections,
    MessagesPerConnection,
    RequestsPerSession,
    RequestsPerAddress,
    NewUsersPerAddress,
    NewUsers,
    UploadsPerUser,
    UploadsPerAddress,
    Uploads,
    FilesPerUser,
    Imports,
    StoredBytesPerUser,
    StoredBytes,
    DailyTokensPerUser,
    DailyTokensPerAddress,
    DailyTokens,
    BodyTime,
    BodyMemory,
}

/// Counts that something was refused because of `limit`.
pub fn count_reached_limit(limit: Limit) {
    let limit: &'static str = limit.into();
    counter!(REACHED, "limit" => limit).increment(1);
}
