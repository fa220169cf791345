//! The operator's settings of the use cases.

use std::num::NonZeroU64;
use std::time::Duration;

/// The operator's settings of the use cases.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The lifetime of a session after the browser's last visit.
    pub session_ttl: Duration,
    /// The time after the last use of a session in which its user is signed in.
    pub sign_in_idle_ttl: Duration,
    /// The time after which a user must sign in again, even if the session is used.
    pub sign_in_ttl: Duration,
    /// The time for which the data of a user is kept after the end of the last session. `None` means forever.
    pub inactive_user_retention: Option<Duration>,
    /// The time for which entries of the audit log are kept. `None` means forever.
    pub audit_retention: Option<Duration>,
    /// Whether auditors and administrators may read the conversations of other users.
    pub admin_conversation_access: bool,
    /// The system prompt of conversations without their own.
    pub system_prompt: Option<String>,
    /// Whether the model generates titles.
    pub auto_titles: bool,
    /// The settings of file analysis.
    pub files: FileSettings,
    /// The maximum number of a user's concurrent turns in this process. `None` means no limit.
    pub turns_per_user: Option<u32>,
    /// The maximum number of concurrent turns of a client network in this process. `None` means no limit.
    pub turns_per_network: Option<u32>,
    /// The maximum number of concurrent turns in this process. `None` means no limit.
    pub max_turns: Option<u32>,
    /// The maximum duration of a turn, including the time to summarise older messages.
    pub max_turn_duration: Duration,
    /// The daily token limits.
    pub daily_tokens: DailyTokenLimits,
    /// The limits on stored bytes.
    pub max_stored_bytes: StoredBytesLimits,
}

/// The maximum numbers of tokens that are sent to the model and received from it per day in UTC. `None` means no
/// limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DailyTokenLimits {
    /// For each user.
    pub per_user: Option<NonZeroU64>,
    /// For each client network.
    pub per_network: Option<NonZeroU64>,
    /// For all users together.
    pub total: Option<NonZeroU64>,
}

impl DailyTokenLimits {
    /// Returns whether there is any limit.
    pub(crate) fn is_limited(self) -> bool {
        self != Self::default()
    }
}

/// The maximum numbers of stored bytes. `None` means no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StoredBytesLimits {
    /// The limit of each user.
    pub per_user: Option<u64>,
    /// The limit of all users together: the size of the database.
    pub total: Option<u64>,
}

/// The operator's settings of file analysis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileSettings {
    /// The maximum size of a file in bytes.
    pub max_bytes: usize,
    /// The accepted file name extensions, in lower case.
    pub extensions: Vec<String>,
    /// The maximum number of tokens of a part. Each part is analysed in one request.
    pub part_tokens: u32,
    /// The maximum number of concurrent requests to the model, for all files together.
    pub concurrency: usize,
    /// The maximum number of concurrent analyses of a user's files. Failed analyses, which are kept for a retry,
    /// have the same limit.
    pub per_user: u32,
}

impl Default for FileSettings {
    fn default() -> Self {
        Self {
            max_bytes: 5 * 1024 * 1024,
            extensions: ["txt", "md", "json"].map(str::to_owned).to_vec(),
            part_tokens: 1_000,
            concurrency: 4,
            per_user: 4,
        }
    }
}
