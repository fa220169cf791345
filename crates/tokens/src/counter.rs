//! Counting tokens.

use tiktoken_rs::model::get_context_size;
use tiktoken_rs::tokenizer::{Tokenizer, get_tokenizer};
use tiktoken_rs::{CoreBPE, bpe_for_tokenizer, o200k_base_singleton};

/// Text without a change between white space and other characters is counted in runs of at most this
/// many characters. On a million spaces in a row the encoding's regular expression overflows the stack
/// and the encoder panics, and ten million letters take it many seconds.
const MAX_RUN_CHARS: usize = 4096;

/// Counts tokens with a model's encoding.
#[derive(Clone, Copy)]
pub struct TokenCounter {
    encoding: &'static CoreBPE,
}

impl TokenCounter {
    /// A counter with the encoding of OpenAI's current models (`o200k_base`). The first call in a
    /// process loads the encoding, which blocks for about 0.15 s and occupies about 50 MB from then on:
    /// call it at startup, outside of the runtime's threads.
    #[must_use]
    pub fn load() -> Self {
        Self { encoding: o200k_base_singleton() }
    }

    /// A counter with the encoding of the model `name`, or that of [`TokenCounter::load`] if the model
    /// is unknown. The first call for an encoding loads it.
    #[must_use]
    pub fn for_model(name: &str) -> Self {
        let encoding = tokenizer(name).and_then(|tokenizer| bpe_for_tokenizer(tokenizer).ok());
        encoding.map_or_else(Self::load, |encoding| Self { encoding })
    }

    /// Whether the encoding of the model `name` is known.
    #[must_use]
    pub fn knows(name: &str) -> bool {
        tokenizer(name).is_some()
    }

    /// The number of tokens of `text`. Special tokens such as `<|endoftext|>` count as plain text.
    ///
    /// The time is proportional to the length, up to 0.2 s per megabyte. For 4096 characters in a row
    /// without white space (or of white space only) the count may be wrong by two tokens for each such
    /// run.
    #[must_use]
    pub fn count(&self, text: &str) -> u32 {
        let tokens: usize = runs(text).map(|run| self.encoding.count_ordinary(run)).sum();
        u32::try_from(tokens).unwrap_or(u32::MAX)
    }
}

/// The context window of the model `model` in tokens, including the answer; `None` if it is unknown.
#[must_use]
pub fn window_of(model: &str) -> Option<u32> {
    get_context_size(&base_name(model)).and_then(|tokens| u32::try_from(tokens).ok())
}

fn tokenizer(model: &str) -> Option<Tokenizer> {
    get_tokenizer(&base_name(model))
}

/// The model's name without the prefix that gateways add.
fn base_name(name: &str) -> String {
    name.rsplit('/').next().unwrap_or(name).to_ascii_lowercase()
}

/// Splits `text` so that no run of white space or of other characters exceeds [`MAX_RUN_CHARS`].
fn runs(text: &str) -> impl Iterator<Item = &str> {
    let mut length = 0;
    let mut after_space = false;
    text.split_inclusive(move |character: char| {
        let is_space = character.is_whitespace();
        length = if is_space == after_space { length + 1 } else { 1 };
        after_space = is_space;
        let is_end = length == MAX_RUN_CHARS;
        if is_end {
            length = 0;
        }
        is_end
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn counts_match_the_openai_cookbook() {
        let counter = TokenCounter::load();

        let counts = ["", "antidisestablishmentarianism", "2 + 2 = 4", "お誕生日おめでとう"]
            .map(|text| counter.count(text));

        assert_eq!(counts, [0, 6, 7, 8]);
    }

    #[test]
    fn a_known_model_has_its_encoding_and_an_unknown_one_the_current() {
        let count = |model| TokenCounter::for_model(model).count("お誕生日おめでとう");

        assert_eq!(count("gpt-4-0613"), 9);
        for model in ["gpt-4o", "openai/GPT-4o-2024-08-06", "gpt-5", "SmolLM2-135M-Instruct", ""] {
            assert_eq!(count(model), 8, "{model}");
        }
        assert!(TokenCounter::knows("gpt-35-turbo"));
        assert!(!TokenCounter::knows("SmolLM2-135M-Instruct"));
    }

    #[test]
    fn the_window_of_a_known_model_is_known() {
        assert_eq!(window_of("gpt-4o-mini"), Some(128_000));
        assert_eq!(window_of("gpt-4"), Some(8_192));
        assert_eq!(window_of("SmolLM2-135M-Instruct"), None);
    }

    #[test]
    fn a_special_token_counts_as_plain_text() {
        let counter = TokenCounter::load();

        assert_eq!(counter.count("<|endoftext|>"), 7);
    }

    #[test]
    fn two_megabytes_of_one_character_are_counted() {
        let counter = TokenCounter::load();

        for run in [" ", "\t", "\n", " \n", "a", "xq", "é", "!", "语", "a\u{301}"] {
            let tokens = counter.count(&run.repeat(2_000_000 / run.len()));

            assert!(tokens > 10_000, "{run:?}: {tokens}");
        }
    }

    #[test]
    fn a_split_changes_the_count_by_at_most_two_tokens() {
        let counter = TokenCounter::load();

        for run in [" ", "\n", "a", "qz", "7", "--", "语言"] {
            let text = format!("go{}on", run.repeat(4 * MAX_RUN_CHARS / run.chars().count()));
            let exact = counter.encoding.count_ordinary(&text);
            let tokens = usize::try_from(counter.count(&text)).unwrap();

            assert!(tokens.abs_diff(exact) <= 4 * 2, "{run:?}: {tokens}, {exact}");
        }
    }

    #[test]
    fn only_long_runs_are_split() {
        let words = "word ".repeat(MAX_RUN_CHARS);
        let long = "x".repeat(MAX_RUN_CHARS + 1);

        assert_eq!(runs(&words).count(), 1);
        assert_eq!(runs(&long).map(str::len).collect::<Vec<_>>(), [MAX_RUN_CHARS, 1]);
    }

    proptest! {
        #[test]
        fn ordinary_text_counts_exactly(text in ".{0,200}") {
            let counter = TokenCounter::load();

            let exact = counter.encoding.count_ordinary(&text);

            prop_assert_eq!(usize::try_from(counter.count(&text)).unwrap(), exact);
        }
    }
}
