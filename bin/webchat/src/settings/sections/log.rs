//! The log.

use serde::Deserialize;

use super::super::declaration::section;
use super::super::kind::Kind;

const LEVELS: Kind = Kind::Choice(&["error", "warn", "info", "debug", "trace"]);

section! {
    LogSettings: [log], "Log" {
        /// text or json; error, warn, info, debug or trace (libraries log warnings and errors only).
        LOG_FORMAT => format: LogFormat = "text", Kind::Choice(&["text", "json"]);
        LOG_LEVEL => level: String = "info", LEVELS;
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
