//! Splits long texts into chunks that fit the model.

use unicode_segmentation::UnicodeSegmentation;

use crate::TokenCounter;

/// The maximum length of a token in bytes: 128 spaces in `o200k_base`.
const MAX_TOKEN_BYTES: usize = 128;

/// The first guess of the characters per token, where a text is split within words.
const CHARS_PER_TOKEN: usize = 4;

/// How a text that is too long is split, from the best way to the worst.
const LEVELS: [fn(&str) -> Vec<&str>; 4] = [paragraphs, lines, sentences, words];

/// Splits a text into chunks of at most `limit` tokens each: at the ends of paragraphs if possible,
/// otherwise of lines, sentences or words, and never within a character. The concatenated chunks are
/// the text. A chunk is as long as it can be without a worse boundary.
///
/// `limit` must be at least 16, because a single character may have that many tokens. The time is
/// proportional to the length, about 2 s for 5 MB: call it outside of the runtime's threads.
#[must_use]
pub fn chunks(text: &str, limit: u32, counter: TokenCounter) -> Vec<&str> {
    let mut pieces = Vec::new();
    divide(text, &LEVELS, limit, counter, &mut pieces);
    let mut chunks = Vec::new();
    let mut remaining = text;
    let mut pieces = pieces.as_slice();
    while !pieces.is_empty() {
        let taken = fitting(pieces, remaining, limit, counter);
        let (chunk_pieces, later) = pieces.split_at(taken);
        let (chunk, after) = remaining.split_at(chunk_pieces.iter().map(|piece| piece.bytes).sum());
        chunks.push(chunk);
        (pieces, remaining) = (later, after);
    }
    chunks
}

/// A range of the text that fits alone.
#[derive(Clone, Copy)]
struct Piece {
    bytes: usize,
    tokens: u32,
}

/// How many of the first pieces of `text` fit together. Together they mostly have fewer tokens than
/// separately, so that more of them fit.
fn fitting(pieces: &[Piece], text: &str, limit: u32, counter: TokenCounter) -> usize {
    let count = |taken: usize| {
        let bytes = pieces.iter().take(taken).map(|piece| piece.bytes).sum();
        text.split_at_checked(bytes).map_or(u32::MAX, |(chunk, _)| counter.count(chunk))
    };
    let (mut taken, mut tokens) = (0, 0);
    loop {
        let mut sum: u32 = tokens;
        let may_fit = pieces.iter().skip(taken).take_while(|piece| {
            sum = sum.saturating_add(piece.tokens);
            sum <= limit
        });
        let most = taken + may_fit.count();
        // Rarely, they have slightly more tokens than separately.
        let Some(more) = (taken + 1..=most).rev().find(|more| count(*more) <= limit) else {
            return taken.max(1);
        };
        (taken, tokens) = (more, count(more));
    }
}

/// Splits the text at the first of the levels whose pieces fit.
fn divide(
    text: &str,
    levels: &[fn(&str) -> Vec<&str>],
    limit: u32,
    counter: TokenCounter,
    pieces: &mut Vec<Piece>,
) {
    if let Some(tokens) = tokens_within(text, limit, counter) {
        if !text.is_empty() {
            pieces.push(Piece { bytes: text.len(), tokens });
        }
        return;
    }
    match levels.split_first() {
        Some((split, worse)) => {
            for piece in split(text) {
                divide(piece, worse, limit, counter, pieces);
            }
        }
        None => split_characters(text, limit, counter, pieces),
    }
}

/// The number of tokens of the text; `None` if it is more than `limit`.
fn tokens_within(text: &str, limit: u32, counter: TokenCounter) -> Option<u32> {
    let max_bytes = usize::try_from(limit).ok()?.saturating_mul(MAX_TOKEN_BYTES);
    if text.len() > max_bytes {
        return None;
    }
    Some(counter.count(text)).filter(|tokens| *tokens <= limit)
}

/// Splits anywhere between characters.
fn split_characters(text: &str, limit: u32, counter: TokenCounter, pieces: &mut Vec<Piece>) {
    let mut remaining = text;
    while !remaining.is_empty() {
        let mut chars =
            usize::try_from(limit).unwrap_or(usize::MAX).saturating_mul(CHARS_PER_TOKEN);
        let (bytes, tokens) = loop {
            let bytes =
                remaining.char_indices().nth(chars).map_or(remaining.len(), |(bytes, _)| bytes);
            let tokens =
                remaining.split_at_checked(bytes).map_or(0, |(head, _)| counter.count(head));
            if tokens <= limit || chars == 1 {
                break (bytes, tokens);
            }
            chars = (chars / 2).max(1);
        };
        pieces.push(Piece { bytes, tokens });
        remaining = remaining.split_at_checked(bytes).map_or("", |(_, after)| after);
    }
}

/// The paragraphs, each with the empty lines after it.
fn paragraphs(text: &str) -> Vec<&str> {
    let mut paragraphs = Vec::new();
    let mut remaining = text;
    while let Some((end, _)) = remaining.match_indices("\n\n").next() {
        let (_, after) = remaining.split_at(end);
        let breaks = after.len() - after.trim_start_matches('\n').len();
        let (paragraph, later) = remaining.split_at(end + breaks);
        paragraphs.push(paragraph);
        remaining = later;
    }
    paragraphs.push(remaining);
    paragraphs
}

fn lines(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

fn sentences(text: &str) -> Vec<&str> {
    text.split_sentence_bounds().collect()
}

/// The words, each with the white space before it, as encodings have it.
fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut begin = 0;
    let mut after_space = true;
    for (at, segment) in text.split_word_bound_indices() {
        if !after_space {
            words.extend(text.get(begin..at));
            begin = at;
        }
        after_space = segment.trim().is_empty();
    }
    words.extend(text.get(begin..).filter(|word| !word.is_empty()));
    words
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn chunked(text: &str, limit: u32) -> Vec<&str> {
        chunks(text, limit, TokenCounter::load())
    }

    #[test]
    fn a_short_text_is_one_chunk_and_an_empty_one_none() {
        assert_eq!(chunked("Two tides a day.", 100), ["Two tides a day."]);
        assert_eq!(chunked("", 100), [""; 0]);
    }

    #[test]
    fn paragraphs_that_fit_are_not_split() {
        let paragraph = "The moon makes the tides, and the sun helps.";
        let text = format!("{paragraph}\n\n{paragraph}\n\n\n{paragraph}");

        let chunks = chunked(&text, 24);

        let expected = [format!("{paragraph}\n\n{paragraph}\n\n\n"), paragraph.to_owned()];
        assert_eq!(chunks, expected);
    }

    #[test]
    fn a_long_paragraph_is_split_at_lines_then_sentences_then_words() {
        let by_lines = chunked(
            "one two three four five six seven\neight nine ten eleven twelve thirteen fourteen\nfifteen sixteen seventeen eighteen nineteen twenty",
            16,
        );
        let by_sentences = chunked(
            "The moon makes the tides and the currents. The sun helps with both of them, a little. So it is.",
            16,
        );
        let by_words = chunked("tides ".repeat(40).as_str(), 16).len();

        assert!(by_lines.iter().rev().skip(1).all(|chunk| chunk.ends_with('\n')), "{by_lines:?}");
        assert!(by_lines.len() > 1);
        let complete = by_sentences.iter().all(|chunk| chunk.trim_end().ends_with('.'));
        assert!(complete && by_sentences.len() > 1, "{by_sentences:?}");
        assert!((3..=4).contains(&by_words), "{by_words}");
    }

    #[test]
    fn a_line_of_five_megabytes_is_split_into_full_chunks() {
        let text = "语言".repeat(5_000_000 / 6);
        let counter = TokenCounter::load();

        let chunks = chunks(&text, 1_000, counter);

        assert_eq!(chunks.concat(), text);
        assert!(chunks.iter().all(|chunk| counter.count(chunk) <= 1_000));
        let fewest = counter.count(&text).div_ceil(1_000);
        assert!(chunks.len() < 3 * usize::try_from(fewest).unwrap(), "{} {fewest}", chunks.len());
    }

    proptest! {
        #[test]
        fn the_concatenated_chunks_are_the_text_and_none_is_too_long(
            text in r"([\PC\n\r \t]|[a-z]{1,9}[ .,]|\n\n|👩‍👩‍👧|\x00){0,400}",
            limit in 16..200_u32,
        ) {
            let counter = TokenCounter::load();

            let chunks = chunks(&text, limit, counter);

            prop_assert_eq!(chunks.concat(), text.as_str());
            for chunk in chunks {
                prop_assert!(!chunk.is_empty());
                prop_assert!(counter.count(chunk) <= limit, "{:?}", chunk);
            }
        }
    }
}
