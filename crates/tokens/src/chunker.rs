//! Splits long texts into chunks that fit into a request to the model.

mod boundaries;
mod token_ends;

use std::iter::FusedIterator;

use self::boundaries::LEVELS;
use self::token_ends::TokenEnds;
use crate::TokenCounter;

/// Splits a text into chunks of at most `limit` tokens each: at the ends of paragraphs if possible, otherwise of
/// lines, sentences or words, and never within a character. The concatenated chunks equal the text. A chunk is as
/// long as possible with the best available boundary. Sentences and words of more than 512 bytes are not kept
/// together.
///
/// `limit` must be at least 16, because a single character may have that many tokens. The running time is linear in
/// the length of any text, up to 1 s per megabyte: call it outside the async runtime's threads. The iterator is
/// lazy, so the caller can stop between two chunks.
#[must_use]
pub fn chunks(text: &str, limit: u32, counter: TokenCounter) -> Chunks<'_> {
    Chunks {
        text,
        start: 0,
        limit: usize::try_from(limit).unwrap_or(usize::MAX),
        tokens: TokenEnds::new(text, counter),
        counter,
    }
}

/// The chunks of a text. See [`chunks`].
pub struct Chunks<'a> {
    text: &'a str,
    /// The byte offset at which the next chunk starts.
    start: usize,
    limit: usize,
    tokens: TokenEnds<'a>,
    counter: TokenCounter,
}

impl Chunks<'_> {
    /// Returns the number of tokens that were counted so far. After the last chunk, this is the number of tokens of
    /// the text; the chunks together may have a few more.
    #[must_use]
    pub fn token_count(&self) -> u32 {
        u32::try_from(self.tokens.encoded_count()).unwrap_or(u32::MAX)
    }

    /// Finds the end of the next chunk by the tokens of the whole text. A chunk can have more tokens than the same
    /// part of the text, so its tokens are counted again, and it is shortened if it has too many.
    fn chunk_end(&mut self) -> usize {
        let shortest = self.text.ceil_char_boundary(self.start + 1);
        let (mut budget, mut reduction) = (self.limit, 0);
        loop {
            let end = self.end_within(budget, shortest);
            let excess = self.count_until(end).saturating_sub(self.limit);
            if excess == 0 || end == shortest {
                return end;
            }
            // Doubling it bounds the number of attempts.
            reduction = reduction.max(excess) * 2;
            budget = budget.saturating_sub(reduction);
        }
    }

    /// Returns the best end within the next `budget` tokens of the text, but at least `shortest`.
    fn end_within(&mut self, budget: usize, shortest: usize) -> usize {
        let farthest = self.text.floor_char_boundary(self.tokens.end_of(budget)).max(shortest);
        if farthest == self.text.len() {
            return farthest;
        }
        // A paragraph, line, sentence or word that follows the chunk and fits into the limit ends before this
        // offset.
        let ahead = self.tokens.end_of(self.limit.saturating_mul(2));
        let mut from = self.start;
        for level in &LEVELS {
            let (last, next) = level.ends_around(self.text, from, farthest, ahead);
            let fits_alone = |next| self.tokens.count_between(last, next) <= self.limit;
            if last > self.start && next.is_some_and(fits_alone) {
                return last;
            }
            from = last;
        }
        farthest
    }

    fn count_until(&self, end: usize) -> usize {
        let tokens = self.text.get(self.start..end).map_or(0, |chunk| self.counter.count(chunk));
        usize::try_from(tokens).unwrap_or(usize::MAX)
    }
}

impl<'a> Iterator for Chunks<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        if self.start == self.text.len() {
            return None;
        }
        let end = self.chunk_end();
        let chunk = self.text.get(self.start..end);
        self.start = end;
        self.tokens.skip_to(end);
        chunk
    }
}

impl FusedIterator for Chunks<'_> {}

#[cfg(test)]
mod tests;
