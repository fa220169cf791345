//! The ends of the tokens of a text.

use std::collections::VecDeque;

use crate::TokenCounter;
use crate::counter::segments;
use crate::segments::Segments;

/// The ends of a text's tokens after an offset. The text is encoded lazily.
pub(super) struct TokenEnds<'a> {
    counter: TokenCounter,
    segments: Segments<'a>,
    /// The byte offset of the end of each token that is encoded and not skipped.
    ends: VecDeque<usize>,
    /// The byte offset at which the encoded part of the text ends.
    encoded: usize,
    skipped_count: usize,
}

impl<'a> TokenEnds<'a> {
    pub(super) fn new(text: &'a str, counter: TokenCounter) -> Self {
        let (segments, ends) = (segments(text), VecDeque::new());
        Self { counter, segments, ends, encoded: 0, skipped_count: 0 }
    }

    /// Returns the end of the first `tokens` tokens that are not skipped, or the end of the text if it has fewer
    /// tokens.
    pub(super) fn end_of(&mut self, tokens: usize) -> usize {
        while self.ends.len() < tokens && self.encode_segment() {}
        let last = tokens.checked_sub(1).map(|last| self.ends.get(last).copied());
        last.map_or(0, |end| end.unwrap_or(self.encoded))
    }

    /// Returns how many of the encoded tokens end after `start` and up to `end`.
    pub(super) fn count_between(&self, start: usize, end: usize) -> usize {
        let count_until = |offset| self.ends.partition_point(|end| *end <= offset);
        count_until(end) - count_until(start)
    }

    /// Skips the tokens that end up to `start`.
    pub(super) fn skip_to(&mut self, start: usize) {
        let skipped = self.ends.partition_point(|end| *end <= start);
        self.ends.drain(..skipped);
        self.skipped_count += skipped;
    }

    /// Returns the number of encoded tokens, including the skipped ones.
    pub(super) fn encoded_count(&self) -> usize {
        self.skipped_count + self.ends.len()
    }

    /// Encodes the next segment. Returns `false` if there is none.
    fn encode_segment(&mut self) -> bool {
        let Some(segment) = self.segments.next() else { return false };
        for length in self.counter.token_lengths(segment) {
            self.encoded += length;
            self.ends.push_back(self.encoded);
        }
        true
    }
}
