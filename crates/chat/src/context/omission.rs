//! What a summary leaves out, because summarising it would take too many requests. The summary's text begins
//! with it, so that the user and the model read it.

use std::fmt;

const ONE_MESSAGE: &str = "[The oldest message is not part of this summary.]";
const PREFIX: &str = "[The oldest ";
const SUFFIX: &str = " messages are not part of this summary.]";
const PART: &str = "[Part of a long message is not part of this summary.]";

/// What a summary leaves out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Omission {
    /// The number of the oldest messages that are left out completely.
    pub(super) messages: u64,
    /// Whether a part of a message is left out.
    pub(super) part: bool,
}

impl Omission {
    /// Splits the text of a summary into what it leaves out, and the rest. A user who edits the summary may
    /// remove the sentence.
    pub(super) fn split_from(text: &str) -> (Self, &str) {
        let (messages, text) = split_line(text, parse_messages).unwrap_or((0, text));
        let is_part = |line: &str| (line == PART).then_some(true);
        let (part, text) = split_line(text, is_part).unwrap_or((false, text));
        (Self { messages, part }, text)
    }

    /// Returns what two summaries leave out together.
    pub(super) fn and(self, other: Self) -> Self {
        let messages = self.messages.saturating_add(other.messages);
        Self { messages, part: self.part || other.part }
    }

    /// Returns the text of the summary, which begins with what it leaves out.
    pub(super) fn prepend_to(self, summary: &str) -> String {
        format!("{self}{summary}")
    }
}

/// Formats the sentences, each on its line.
impl fmt::Display for Omission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.messages {
            0 => {}
            1 => writeln!(f, "{ONE_MESSAGE}")?,
            messages => writeln!(f, "{PREFIX}{messages}{SUFFIX}")?,
        }
        if self.part { writeln!(f, "{PART}") } else { Ok(()) }
    }
}

fn split_line<T>(text: &str, parse: impl Fn(&str) -> Option<T>) -> Option<(T, &str)> {
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
    fn an_omission_is_read_from_the_text_that_it_was_prepended_to() {
        for messages in [0, 1, 312] {
            for part in [false, true] {
                let omission = Omission { messages, part };
                let text = omission.prepend_to("They talk.\nAbout tides.");

                assert_eq!(Omission::split_from(&text), (omission, "They talk.\nAbout tides."));
            }
        }
        let omission = Omission { messages: 312, part: false };
        assert_eq!(
            omission.prepend_to("They talk."),
            "[The oldest 312 messages are not part of this summary.]\nThey talk."
        );
    }

    #[test]
    fn a_text_without_an_omission_is_unchanged() {
        for text in ["", "They talk.", "[The oldest x messages are not part of this summary.]\nx"] {
            assert_eq!(Omission::split_from(text), (Omission::default(), text));
        }
    }
}
