//! The notice at the beginning of a summary that says which messages it omits, because summarising them would have
//! taken too many requests. Both the user and the model read the notice.

use std::fmt;

const ONE_MESSAGE: &str = "[The oldest message is not part of this summary.]";
const PREFIX: &str = "[The oldest ";
const SUFFIX: &str = " messages are not part of this summary.]";
const TRUNCATED: &str = "[This summary omits part of a long message.]";

/// The text of [`TRUNCATED`] in older summaries.
const OLD_TRUNCATED: &str = "[Part of a long message is not part of this summary.]";

/// The messages that a summary omits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Omission {
    /// How many of the oldest messages are omitted entirely.
    pub(super) messages: u64,
    /// Whether the end of a long message is omitted.
    pub(super) truncated: bool,
}

impl Omission {
    /// Splits the notice off the text of a summary. The user may have removed the notice.
    pub(super) fn split_notice(text: &str) -> (Self, &str) {
        let (messages, text) = split_first_line(text, parse_messages).unwrap_or((0, text));
        let parse_truncated =
            |line: &str| matches!(line, TRUNCATED | OLD_TRUNCATED).then_some(true);
        let (truncated, text) = split_first_line(text, parse_truncated).unwrap_or((false, text));
        (Self { messages, truncated }, text)
    }

    /// Combines the omissions of two summaries.
    pub(super) fn merge(self, other: Self) -> Self {
        let messages = self.messages.saturating_add(other.messages);
        Self { messages, truncated: self.truncated || other.truncated }
    }

    /// Prepends the notice to the text of a summary.
    pub(super) fn prepend_to(self, summary: &str) -> String {
        format!("{self}{summary}")
    }
}

/// Formats the notice, one sentence per line.
impl fmt::Display for Omission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.messages {
            0 => {}
            1 => writeln!(f, "{ONE_MESSAGE}")?,
            messages => writeln!(f, "{PREFIX}{messages}{SUFFIX}")?,
        }
        if self.truncated { writeln!(f, "{TRUNCATED}") } else { Ok(()) }
    }
}

/// Splits off the first line if `parse` accepts it.
fn split_first_line<T>(text: &str, parse: impl Fn(&str) -> Option<T>) -> Option<(T, &str)> {
    let (line, rest) = text.split_once('\n')?;
    Some((parse(line)?, rest))
}

fn parse_messages(line: &str) -> Option<u64> {
    if line == ONE_MESSAGE {
        return Some(1);
    }
    line.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notice_is_parsed_from_the_text_that_it_was_prepended_to() {
        for messages in [0, 1, 312] {
            for truncated in [false, true] {
                let omission = Omission { messages, truncated };
                let text = omission.prepend_to("They talk.\nAbout tides.");

                assert_eq!(Omission::split_notice(&text), (omission, "They talk.\nAbout tides."));
            }
        }
        let omission = Omission { messages: 312, truncated: false };
        assert_eq!(
            omission.prepend_to("They talk."),
            "[The oldest 312 messages are not part of this summary.]\nThey talk."
        );
    }

    #[test]
    fn the_notice_of_an_older_summary_is_recognised() {
        let text = format!("{OLD_TRUNCATED}\nThey talk.");

        let (omission, summary) = Omission::split_notice(&text);

        assert_eq!(omission, Omission { messages: 0, truncated: true });
        assert_eq!(summary, "They talk.");
    }

    #[test]
    fn a_text_without_a_notice_is_unchanged() {
        for text in ["", "They talk.", "[The oldest x messages are not part of this summary.]\nx"] {
            assert_eq!(Omission::split_notice(text), (Omission::default(), text));
        }
    }
}
