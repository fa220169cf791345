//! Durations and sizes in messages for users.

use std::time::Duration;

/// Formats a duration in minutes or seconds, rounded up: "2 minutes" or "1 second".
pub(super) fn wait(duration: Duration) -> String {
    match duration.as_millis().div_ceil(1_000).max(1) {
        1 => "1 second".to_owned(),
        seconds @ 2..120 => format!("{seconds} seconds"),
        seconds => format!("{} minutes", seconds.div_ceil(60)),
    }
}

/// Formats a duration in hours or minutes, rounded up: "5 hours" or "1 minute".
pub(super) fn hours(duration: Duration) -> String {
    let minutes = duration.as_secs().div_ceil(60).max(1);
    match (minutes, minutes.div_ceil(60)) {
        (1, _) => "1 minute".to_owned(),
        (2..120, _) => format!("{minutes} minutes"),
        (_, hours) => format!("{hours} hours"),
    }
}

/// Formats a size in megabytes with at most one decimal: "5" or "0.5".
pub(super) fn megabytes(bytes: usize) -> String {
    const MEGABYTE: usize = 1024 * 1024;
    let tenths = bytes.saturating_mul(10) / MEGABYTE;
    let text = format!("{}.{}", tenths / 10, tenths % 10);
    text.trim_end_matches(".0").to_owned()
}
