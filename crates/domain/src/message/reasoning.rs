//! The reasoning of a model, which it writes before its answer.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The marks between which some models write their reasoning at the beginning of an answer, in lower case.
pub const REASONING_MARKS: [(&str, &str); 8] = [
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<thought>", "</thought>"),
    ("<reasoning>", "</reasoning>"),
    ("[think]", "[/think]"),
    ("<seed:think>", "</seed:think>"),
    ("◁think▷", "◁/think▷"),
    ("<|begin_of_thought|>", "<|end_of_thought|>"),
];

/// The maximum size of the reasoning of an answer in bytes. The rest is not kept.
pub const MAX_REASONING_BYTES: usize = 256 * 1024;

/// Follows reasoning whose rest was not kept.
const CUT_MARK: &str = "\n\n[…]";

/// The reasoning of a model before its answer. It is not part of the answer's text: it is not sent to the model, not
/// found by searches, and not in titles and summaries.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reasoning {
    /// The text, without white space around it. If it exceeds 262 144 bytes, it is cut off and ends with `[…]`.
    pub text: String,
    /// How long the model has reasoned, in milliseconds.
    pub duration_ms: u32,
    /// The number of tokens, as reported by the model, otherwise by the server's own count of the text.
    pub tokens: u32,
}

impl Reasoning {
    /// Returns the reasoning with its text within the bound.
    #[must_use]
    pub fn bounded(mut self) -> Self {
        let text = std::mem::take(&mut self.text);
        append_reasoning(&mut self.text, &text);
        self
    }
}

/// Appends the next chunk, as far as the bound on the text admits it. Where the text is cut off, it ends with `[…]`.
/// Returns what was appended.
pub fn append_reasoning<'a>(text: &'a mut String, chunk: &str) -> &'a str {
    let old_len = text.len();
    let max = MAX_REASONING_BYTES.saturating_sub(CUT_MARK.len());
    // A text of more than `max` bytes ends with the mark.
    if old_len <= max {
        let end = chunk.floor_char_boundary(max - old_len);
        let (kept, rest) = chunk.split_at(end);
        text.push_str(kept);
        if !rest.is_empty() {
            text.push_str(CUT_MARK);
        }
    }
    text.get(old_len..).unwrap_or_default()
}

/// Returns the duration in milliseconds.
#[must_use]
pub fn reasoning_millis(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasoning_beyond_its_bound_is_cut_between_characters_and_marked() {
        let mut text = String::new();
        let chunk = "é".repeat(1_000);

        let mut published = String::new();
        for _ in 0..200 {
            published.push_str(append_reasoning(&mut text, &chunk));
        }

        assert_eq!(published, text);
        assert!(text.ends_with("é\n\n[…]"), "the cut is not marked");
        assert!(text.len() <= MAX_REASONING_BYTES && text.len() > MAX_REASONING_BYTES - 10);
        assert_eq!(append_reasoning(&mut text, "more"), "");
    }

    #[test]
    fn reasoning_within_its_bound_is_unchanged() {
        let reasoning = Reasoning { text: "A sum.".to_owned(), duration_ms: 7, tokens: 2 };

        assert_eq!(reasoning.clone().bounded(), reasoning);
    }
}
