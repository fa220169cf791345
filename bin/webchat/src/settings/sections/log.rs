//! The log.

use std::path::PathBuf;

use serde::Deserialize;

use super::super::declaration::section;
use super::super::kind::Kind;

const LEVELS: Kind = Kind::Choice(&["error", "warn", "info", "debug", "trace"]);

section! {
    LogSettings: [log], "Log" {
        /// text or json; error, warn, info, debug or trace (libraries log warnings and errors only).
        LOG_FORMAT => format: LogFormat = "text", Kind::Choice(&["text", "json"]);
        LOG_LEVEL => level: String = "info", LEVELS;

        /// A file for the log, which goes to standard error as well. Each instance needs its own. SIGHUP reopens it.
        LOG_FILE => file: Option<PathBuf>, Kind::TEXT;
        /// The maximum size of the file, in MB, and how many older files are kept: LOG_FILE.1 is the newest of them.
        LOG_FILE_MAX_MB => file_max_mb: u64 = "10", Kind::integer(" of megabytes", 1, 10_000);
        LOG_FILES_KEPT => files_kept: u32 = "5", Kind::integer(" of files", 0, 1_000);
    }
}

/// The format of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// For programs: one JSON object per line.
    Json,
}
