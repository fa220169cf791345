//! Bounds on the text of an answer. A request limits the number of tokens, but a model may ignore the limit.

/// The maximum size of an answer's text in bytes, including all continuations. It fits into a MongoDB document,
/// which is limited to 16 MiB.
pub(crate) const MAX_ANSWER_BYTES: usize = 1024 * 1024;

/// The number of bytes that the text may have for each requested token. Most texts have less than half.
const BYTES_PER_TOKEN: usize = 8;

/// The number of additional bytes that the text may have, for short texts with long tokens.
const SLACK_BYTES: usize = 16 * 1024;

/// Limits the text that one request to the model returns.
pub(crate) struct AnswerBound {
    left: usize,
}

impl AnswerBound {
    /// Returns the bound on the answer to a request for at most this many tokens.
    pub(crate) fn new(reply_tokens: u32) -> Self {
        let tokens = usize::try_from(reply_tokens).unwrap_or(usize::MAX);
        let bytes = tokens.saturating_mul(BYTES_PER_TOKEN).saturating_add(SLACK_BYTES);
        Self { left: bytes.min(MAX_ANSWER_BYTES) }
    }

    /// Returns the bound on the text that continues an answer of this many bytes.
    pub(crate) fn after(self, existing_bytes: usize) -> Self {
        Self { left: self.left.min(MAX_ANSWER_BYTES.saturating_sub(existing_bytes)) }
    }

    /// Returns the prefix of the next chunk that the bound admits, truncated between characters.
    pub(crate) fn admit(&mut self, mut chunk: String) -> String {
        chunk.truncate(chunk.floor_char_boundary(self.left));
        self.left -= chunk.len();
        chunk
    }

    /// Returns whether the bound admits this chunk completely.
    pub(crate) fn admits(&self, chunk: &str) -> bool {
        chunk.len() <= self.left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_is_truncated_between_characters() {
        let mut bound = AnswerBound { left: 4 };

        assert!(!bound.admits("täää"));
        assert_eq!(bound.admit("täää".to_owned()), "tä");
        assert_eq!(bound.admit("x".to_owned()), "x");
        assert_eq!(bound.admit("x".to_owned()), "");
    }

    #[test]
    fn an_answer_has_a_maximum_size_including_its_continuations() {
        let window = AnswerBound::new(1_000_000);
        assert!(window.admits(&"x".repeat(MAX_ANSWER_BYTES)));
        assert!(!window.admits(&"x".repeat(MAX_ANSWER_BYTES + 1)));

        let continued = window.after(MAX_ANSWER_BYTES - 1);
        assert!(continued.admits("x") && !continued.admits("xx"));
        assert!(!AnswerBound::new(800).after(MAX_ANSWER_BYTES + 1).admits("x"));
    }
}
