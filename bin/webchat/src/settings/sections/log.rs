//! The log.

use std::path::PathBuf;

use serde::Deserialize;

use super::super::declaration::section;
use super::super::kind::Kind;

const LEVELS: Kind = Kind::Choice(&["error", "warn", "info", "debug", "trace"]);

section! {
    LogSettings: [log], "Log" {
        /// The format: text or json. The level: error, warn, info, debug or trace (libraries log only warnings and
        /// errors).
        LOG_FORMAT => format: LogFormat = "text", Kind::Choice(&["text", "json"]);
        LOG_LEVEL => level: String = "info", LEVELS;

        /// A file to write the log to, in addition to standard error. Each instance needs its own. SIGHUP reopens it.
        LOG_FILE => file: Option<PathBuf>, Kind::TEXT;
        /// The maximum size of the file in MiB, and the number of older files that are kept: LOG_FILE.1 is the newest.
        LOG_FILE_MAX_MB => file_max_mb: u64 = "10", Kind::integer("MiB", 1, 10_000);
        LOG_FILES_KEPT => files_kept: u32 = "5", Kind::integer("files", 0, 1_000);
    }
}

/// The format of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Human-readable lines.
    Text,
    /// One JSON object per line.
    Json,
}
