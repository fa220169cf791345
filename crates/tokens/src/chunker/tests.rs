use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;

fn chunked(text: &str, limit: u32) -> Vec<&str> {
    chunks(text, limit, TokenCounter::default()).collect()
}

#[test]
fn a_short_text_is_one_chunk_and_an_empty_text_has_none() {
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
    let counter = TokenCounter::default();

    let chunks = chunked(&text, 1_000);

    assert_eq!(chunks.concat(), text);
    assert!(chunks.iter().all(|chunk| counter.count(chunk) <= 1_000));
    let fewest = counter.count(&text).div_ceil(1_000);
    assert!(chunks.len() < 3 * usize::try_from(fewest).unwrap(), "{} {fewest}", chunks.len());
}

/// Patterns whose repetition takes a naive chunker minutes.
const PATTERNS: [&str; 24] = [
    ".",
    "\n",
    "\r\n",
    "\0",
    "a-a-",
    "语",
    "语言",
    " ",
    " \n",
    "\t",
    "a",
    "A",
    "qz",
    "7",
    "1.",
    "a1!",
    "😀",
    "a\u{301}",
    "\u{301}",
    "\u{200d}",
    "é",
    "!?",
    ").",
    "👩‍👩‍👧",
];

#[test]
fn a_long_text_of_any_pattern_is_split_in_seconds() {
    for pattern in PATTERNS {
        let text = format!("x.{}", pattern.repeat(400_000 / pattern.len()));
        let start = Instant::now();

        let chunks = chunked(&text, 1_000);

        assert!(start.elapsed() < Duration::from_secs(10), "{pattern:?}: {:?}", start.elapsed());
        assert_eq!(chunks.concat(), text, "{pattern:?}");
        let fewest = TokenCounter::default().count(&text).div_ceil(1_000);
        let most = 3 * usize::try_from(fewest).unwrap();
        assert!(chunks.len() <= most, "{pattern:?}: {} of {fewest}", chunks.len());
    }
}

#[test]
fn a_long_text_of_brackets_after_a_full_stop_is_split_in_seconds() {
    let text = format!("x.{}", "(".repeat(500_000));
    let start = Instant::now();

    let chunks = chunked(&text, 1_000);

    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    assert_eq!(chunks.concat(), text);
}

#[test]
fn the_token_count_of_the_text_is_known_after_the_last_chunk() {
    for pattern in ["The moon makes the tides. ", "x\n", ".", " "] {
        let text = pattern.repeat(200_000 / pattern.len());
        let counter = TokenCounter::default();
        let mut chunks = chunks(&text, 1_000, counter);

        let first = chunks.next().unwrap();
        let known = chunks.token_count();
        chunks.by_ref().for_each(drop);

        assert!(first.len() < text.len());
        assert!(known <= chunks.token_count());
        assert_eq!(chunks.token_count(), counter.count(&text), "{pattern:?}");
    }
}

proptest! {
    #[test]
    fn the_concatenated_chunks_equal_the_text_and_none_exceeds_the_limit(
        text in r"([\PC\n\r \t]|[a-z]{1,9}[ .,]|\n\n|👩‍👩‍👧|\x00){0,400}",
        limit in 16..200_u32,
    ) {
        let counter = TokenCounter::default();

        let chunks = chunked(&text, limit);

        prop_assert_eq!(chunks.concat(), text.as_str());
        for chunk in chunks {
            prop_assert!(!chunk.is_empty());
            prop_assert!(counter.count(chunk) <= limit, "{:?}", chunk);
        }
    }
}
