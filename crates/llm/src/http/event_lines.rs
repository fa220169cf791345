//! The lines of server-sent events, as upstreams send them.

use std::mem;

use serde::de::IgnoredAny;

use crate::json::repair::repaired;

/// Corrects the lines of server-sent events: some upstreams write a byte order mark before each line, or no blank
/// line between their events.
#[derive(Debug, Default)]
pub(super) struct EventLines {
    /// The line that is not complete yet.
    line: String,
    /// Whether the event has data on several lines, which must remain together.
    is_divided: bool,
}

impl EventLines {
    /// Returns the lines that this text completes.
    pub(super) fn push(&mut self, text: &str) -> String {
        let mut lines = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(end) = rest.find(['\n', '\r']) {
            let (line, after) = rest.split_at(end + 1);
            self.line.push_str(line);
            self.take_line(&mut lines, begins_with_blank_line(line, after));
            rest = after;
        }
        self.line.push_str(rest);
        lines
    }

    /// Returns the rest, and ends the last event.
    pub(super) fn finish(&mut self) -> String {
        let mut lines = String::new();
        self.take_line(&mut lines, false);
        lines + "\n\n"
    }

    /// Adds the complete line to `lines`. If a blank line follows, the event ends there anyway.
    fn take_line(&mut self, lines: &mut String, is_last_of_event: bool) {
        let line = mem::take(&mut self.line);
        let line = line.trim_start_matches('\u{feff}');
        if let Some(data) = line.strip_prefix("data:") {
            if !is_last_of_event && !self.is_divided && is_whole(without_mark(data)) {
                lines.push_str(line.trim_end_matches(['\n', '\r']));
                lines.push_str("\n\n");
                return;
            }
            self.is_divided = true;
        } else if line.trim().is_empty() {
            self.is_divided = false;
        }
        lines.push_str(line);
    }
}

/// Returns whether the text after a line begins with a blank line. The line may end between `\r` and `\n`.
fn begins_with_blank_line(line: &str, after: &str) -> bool {
    let after =
        if line.ends_with('\r') { after.strip_prefix('\n').unwrap_or(after) } else { after };
    after.starts_with(['\n', '\r'])
}

/// Removes white space and a byte order mark around data.
pub(super) fn without_mark(data: &str) -> &str {
    data.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}')
}

/// Returns whether data is a complete JSON object or list, or the end of the answer.
fn is_whole(data: &str) -> bool {
    let is_json = |data: &str| serde_json::from_str::<IgnoredAny>(data).is_ok();
    data.eq_ignore_ascii_case("[DONE]")
        || data.starts_with(['{', '[']) && (is_json(data) || is_json(&repaired(data)))
}
