//! The token counter.

use std::iter::repeat_n;
use std::sync::Arc;
use std::time::Duration;

use tiktoken_rs::CoreBPE;
use tiktoken_rs::model::get_context_size;
use tiktoken_rs::tokenizer::{Tokenizer, get_tokenizer};

use crate::encodings::ENCODINGS;
use crate::segments::{Segment, Segments};

/// The minimum size of the segments that are encoded separately. Segments bound the memory and time of one
/// encoding.
const SEGMENT_BYTES: usize = 16 * 1024;

/// The maximum length of a token in bytes: 128 spaces in `o200k_base`.
const MAX_TOKEN_BYTES: usize = 128;

/// Returns whether a text of this length must have more than `limit` tokens, even if all its tokens have the
/// maximum length. It avoids counting the tokens of the longest texts, which takes up to a second.
#[must_use]
pub fn obviously_exceeds(bytes: usize, limit: u32) -> bool {
    bytes > usize::try_from(limit).unwrap_or(usize::MAX).saturating_mul(MAX_TOKEN_BYTES)
}

/// The number of tokens that is added for each split of a run, so that the count is never too low: an unsplit run
/// may have this many more tokens than its two parts.
const TOKENS_PER_SPLIT: usize = 1;

/// Counts tokens with a model's encoding. The default encoding is that of OpenAI's current models (`o200k_base`).
/// The first count in a process loads the encoding, which blocks for about 0.15 s and then occupies about 25 MB.
/// [`TokenCounter::load`] loads it in advance, and [`TokenCounter::unload_unused`] releases it.
#[derive(Clone, Copy)]
pub struct TokenCounter {
    tokenizer: Tokenizer,
}

impl Default for TokenCounter {
    fn default() -> Self {
        Self { tokenizer: Tokenizer::O200kBase }
    }
}

impl TokenCounter {
    /// Creates a counter with the encoding of the model `name`, or with the default encoding if the model is
    /// unknown.
    #[must_use]
    pub fn for_model(name: &str) -> Self {
        tokenizer(name).map_or_else(Self::default, |tokenizer| Self { tokenizer })
    }

    /// Loads the encoding, unless it is loaded. Call it outside the async runtime's threads.
    pub fn load(self) {
        self.encoding();
    }

    /// Returns whether the encoding is loaded. Asking counts as a use, so that it is not unloaded before the next count.
    #[must_use]
    pub fn is_loaded(self) -> bool {
        ENCODINGS.find(self.tokenizer).is_some()
    }

    /// Releases the memory of the encodings that no counter has used for `unused_for`. The next count loads them again.
    pub fn unload_unused(unused_for: Duration) {
        ENCODINGS.unload_unused(unused_for);
    }

    /// Returns whether the encoding of the model `name` is known.
    #[must_use]
    pub fn knows_model(name: &str) -> bool {
        tokenizer(name).is_some()
    }

    /// Returns the number of tokens of `text`. Special tokens such as `<|endoftext|>` count as plain text.
    ///
    /// The running time is linear in the length of any text: up to 0.5 s per megabyte. A run of more than 4096
    /// characters without white space (or of only white space) is counted in parts. The count may then be too high
    /// by three tokens for each part.
    #[must_use]
    pub fn count(&self, text: &str) -> u32 {
        let tokens: usize = segments(text).map(|segment| self.count_segment(segment)).sum();
        u32::try_from(tokens).unwrap_or(u32::MAX)
    }

    /// Returns the length in bytes of each token of a segment. A token that is added for a split has the length 0.
    pub(crate) fn token_lengths(self, segment: Segment<'_>) -> impl Iterator<Item = usize> {
        let encoding = self.encoding();
        let tokens = encoding.encode_ordinary(segment.text).into_iter();
        let lengths =
            tokens.map(move |token| encoding.decode_bytes(&[token]).map_or(0, |bytes| bytes.len()));
        lengths.chain(repeat_n(0, extra_tokens(segment)))
    }

    fn encoding(self) -> Arc<CoreBPE> {
        ENCODINGS.get(self.tokenizer)
    }

    fn count_segment(self, segment: Segment<'_>) -> usize {
        self.encoding().count_ordinary(segment.text) + extra_tokens(segment)
    }
}

/// Splits the text into segments that together have the same tokens as the text.
pub(crate) fn segments(text: &str) -> Segments<'_> {
    Segments::new(text, SEGMENT_BYTES)
}

fn extra_tokens(segment: Segment<'_>) -> usize {
    if segment.ends_within_run { TOKENS_PER_SPLIT } else { 0 }
}

/// Returns the context window of the model `model` in tokens, including the answer, or `None` if it is unknown.
#[must_use]
pub fn window_of(model: &str) -> Option<u32> {
    get_context_size(&base_name(model)).and_then(|tokens| u32::try_from(tokens).ok())
}

fn tokenizer(model: &str) -> Option<Tokenizer> {
    get_tokenizer(&base_name(model))
}

/// Returns the model's name without the prefix that gateways add.
fn base_name(name: &str) -> String {
    name.rsplit('/').next().unwrap_or(name).to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::segments::MAX_RUN_CHARS;

    #[test]
    fn counts_match_the_openai_cookbook() {
        let counter = TokenCounter::default();

        let counts = ["", "antidisestablishmentarianism", "2 + 2 = 4", "お誕生日おめでとう"]
            .map(|text| counter.count(text));

        assert_eq!(counts, [0, 6, 7, 8]);
    }

    #[test]
    fn a_known_model_uses_its_own_encoding_and_an_unknown_one_the_default() {
        let count = |model| TokenCounter::for_model(model).count("お誕生日おめでとう");

        assert_eq!(count("gpt-4-0613"), 9);
        for model in ["gpt-4o", "openai/GPT-4o-2024-08-06", "gpt-5", "SmolLM2-135M-Instruct", ""] {
            assert_eq!(count(model), 8, "{model}");
        }
        assert!(TokenCounter::knows_model("gpt-35-turbo"));
        assert!(!TokenCounter::knows_model("SmolLM2-135M-Instruct"));
    }

    #[test]
    fn the_window_of_a_known_model_is_known() {
        assert_eq!(window_of("gpt-4o-mini"), Some(128_000));
        assert_eq!(window_of("gpt-4"), Some(8_192));
        assert_eq!(window_of("SmolLM2-135M-Instruct"), None);
    }

    #[test]
    fn no_encoding_has_a_token_beyond_the_maximum_length() {
        for model in ["gpt-4o", "gpt-4", "davinci"] {
            let encoding = TokenCounter::for_model(model).encoding();

            let decoded = (0..200_000).filter_map(|token| encoding.decode_bytes(&[token]).ok());

            assert!(
                decoded.map(|bytes| bytes.len()).all(|bytes| bytes <= MAX_TOKEN_BYTES),
                "{model}"
            );
        }
    }

    #[test]
    fn a_special_token_counts_as_plain_text() {
        let counter = TokenCounter::default();

        assert_eq!(counter.count("<|endoftext|>"), 7);
    }

    #[test]
    fn two_megabytes_of_one_character_are_counted() {
        let counter = TokenCounter::default();

        for run in [" ", "\t", "\n", " \n", "a", "xq", "é", "!", "语", "a\u{301}"] {
            let tokens = counter.count(&run.repeat(2_000_000 / run.len()));

            assert!(tokens > 10_000, "{run:?}: {tokens}");
        }
    }

    #[test]
    fn a_split_changes_the_count_by_at_most_two_tokens() {
        let counter = TokenCounter::default();

        for run in [" ", "\n", "a", "qz", "7", "--", "语言"] {
            let text = format!("go{}on", run.repeat(4 * MAX_RUN_CHARS / run.chars().count()));
            let exact = counter.encoding().count_ordinary(&text);
            let tokens = usize::try_from(counter.count(&text)).unwrap();

            assert!(tokens.abs_diff(exact) <= 4 * 2, "{run:?}: {tokens}, {exact}");
            assert!(tokens >= exact, "{run:?}: {tokens}, {exact}");
        }
    }

    proptest! {
        #[test]
        fn ordinary_text_counts_exactly(text in ".{0,200}") {
            let counter = TokenCounter::default();

            let exact = counter.encoding().count_ordinary(&text);

            prop_assert_eq!(usize::try_from(counter.count(&text)).unwrap(), exact);
        }

        #[test]
        fn segments_have_the_tokens_of_the_text(
            text in r"([\PC\n\r \t]|[a-zA-Z]{1,9}['. ,/]|\n\n|\r\n|//|[0-9]{1,5}|语言|\x00| {2,9}){0,200}",
            model in proptest::sample::select(vec!["gpt-4o", "gpt-4", "text-davinci-003", "davinci"]),
            min_bytes in 1..50_usize,
        ) {
            let counter = TokenCounter::for_model(model);

            let tokens = Segments::new(&text, min_bytes).map(|segment| counter.count_segment(segment));

            prop_assert_eq!(tokens.sum::<usize>(), counter.encoding().count_ordinary(&text));
        }
    }
}
