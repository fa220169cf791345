//! The metric of refused work.

use metrics::counter;
use strum::{IntoStaticStr, VariantNames};

/// The counter of reached limits.
pub(crate) const REACHED: &str = "webchat_limits_reached_total";

/// A limit on the use of the server. Its `strum` name is its metric label. The labels of the limits of a network end in
/// `_per_address`, like the settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr, VariantNames)]
#[strum(serialize_all = "snake_case")]
#[expect(
    missing_docs,
    reason = "the names are self-explanatory; docs/limits.md describes the limits"
)]
pub enum Limit {
    TurnsPerUser,
    #[strum(serialize = "turns_per_address")]
    TurnsPerNetwork,
    Turns,
    ConnectionsPerUser,
    #[strum(serialize = "connections_per_address")]
    ConnectionsPerNetwork,
    Connections,
    MessagesPerConnection,
    RequestsPerSession,
    #[strum(serialize = "requests_per_address")]
    RequestsPerNetwork,
    #[strum(serialize = "new_users_per_address")]
    NewUsersPerNetwork,
    NewUsers,
    UploadsPerUser,
    #[strum(serialize = "uploads_per_address")]
    UploadsPerNetwork,
    Uploads,
    FilesPerUser,
    ImportsPerUser,
    #[strum(serialize = "imports_per_address")]
    ImportsPerNetwork,
    Imports,
    StoredBytesPerUser,
    StoredBytes,
    DailyTokensPerUser,
    #[strum(serialize = "daily_tokens_per_address")]
    DailyTokensPerNetwork,
    DailyTokens,
    BodyTime,
    BodyMemory,
}

/// Counts an operation that was refused because of `limit`.
pub fn count_reached_limit(limit: Limit) {
    let limit: &'static str = limit.into();
    counter!(REACHED, "limit" => limit).increment(1);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documentation_lists_each_label() {
        let page = include_str!("../../../../docs/limits.md");

        for label in Limit::VARIANTS {
            assert!(page.contains(&format!("`{label}`")), "docs/limits.md lacks {label}");
        }
    }
}
