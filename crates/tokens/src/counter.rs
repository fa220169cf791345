use tiktoken_rs::model::get_context_size;
use tiktoken_rs::tokenizer::{Tokenizer, get_tokenizer};
use tiktoken_rs::{CoreBPE, bpe_for_tokenizer, o200k_base_singleton};

/// Text without a change between white space and something else is counted in runs of at most this
/// many characters. On a million spaces in a row the encoding's regular expression runs out of stack
/// and the encoder panics, and on ten million letters it takes many seconds.
const LONGEST_RUN: usize = 4096;

/// Counts tokens as a model does.
#[derive(Clone, Copy)]
pub struct TokenCounter {
    encoding: &'static CoreBPE,
}

impl TokenCounter {
    /// Counts as OpenAI's current models do (`o200k_base`). The first call in a process loads the
    /// encoding, which blocks for some 0.15 s and keeps about 50 MB for good: make it at the start, off
    /// the runtime's threads.
    #[must_use]
    pub fn load() -> Self {
        Self { encoding: o200k_base_singleton() }
    }

    /// Counts as the model of this name does; as [`TokenCounter::load`] where nobody knows how it does.
    /// The first call for an encoding loads it.
    #[must_use]
    pub fn for_model(name: &str) -> Self {
        let encoding = tokenizer(name).and_then(|tokenizer| bpe_for_tokenizer(tokenizer).ok());
        encoding.map_or_else(Self::load, |encoding| Self { encoding })
    }

    /// Whether it is known how the model of this name counts.
    #[must_use]
    pub fn knows(name: &str) -> bool {
        tokenizer(name).is_some()
    }

    /// Tokens of `text`. All of it is plain text: who types `<|endoftext|>` means these letters.
    ///
    /// It takes time in proportion to the text, up to 0.2 s for a megabyte. For text without a space
    /// in 4096 characters (or with nothing but space in as many) the count may be wrong by two tokens
    /// for each such run.
    #[must_use]
    pub fn count(&self, text: &str) -> u32 {
        let tokens: usize = runs(text).map(|run| self.encoding.count_ordinary(run)).sum();
        u32::try_from(tokens).unwrap_or(u32::MAX)
    }
}

/// The tokens that the model of this name can hold, its answer included, where that is known.
#[must_use]
pub fn window_of(model: &str) -> Option<u32> {
    get_context_size(&plain(model)).and_then(|tokens| u32::try_from(tokens).ok())
}

fn tokenizer(model: &str) -> Option<Tokenizer> {
    get_tokenizer(&plain(model))
}

/// A model's name as its maker writes it: gateways put a folder before it.
fn plain(name: &str) -> String {
    name.rsplit('/').next().unwrap_or(name).to_ascii_lowercase()
}

/// `text` in parts, none of which holds more than [`LONGEST_RUN`] of the same kind in a row.
fn runs(text: &str) -> impl Iterator<Item = &str> {
    let mut length = 0;
    let mut after_space = false;
    text.split_inclusive(move |character: char| {
        let is_space = character.is_whitespace();
        length = if is_space == after_space { length + 1 } else { 1 };
        after_space = is_space;
        let cut = length == LONGEST_RUN;
        if cut {
            length = 0;
        }
        cut
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn counts_are_those_of_the_openai_cookbook() {
        let counter = TokenCounter::load();

        let counts = ["", "antidisestablishmentarianism", "2 + 2 = 4", "お誕生日おめでとう"]
            .map(|text| counter.count(text));

        assert_eq!(counts, [0, 6, 7, 8]);
    }

    #[test]
    fn a_model_counts_by_its_own_encoding_and_an_unknown_one_as_current_ones_do() {
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
    fn a_special_token_in_a_text_is_plain_text() {
        let counter = TokenCounter::load();

        assert_eq!(counter.count("<|endoftext|>"), 7);
    }

    #[test]
    fn two_megabytes_of_anything_are_counted() {
        let counter = TokenCounter::load();

        for run in [" ", "\t", "\n", " \n", "a", "xq", "é", "!", "语", "a\u{301}"] {
            let tokens = counter.count(&run.repeat(2_000_000 / run.len()));

            assert!(tokens > 10_000, "{run:?}: {tokens}");
        }
    }

    #[test]
    fn a_cut_changes_the_count_by_two_tokens_at_most() {
        let counter = TokenCounter::load();

        for run in [" ", "\n", "a", "qz", "7", "--", "语言"] {
            let text = format!("go{}on", run.repeat(4 * LONGEST_RUN / run.chars().count()));
            let exact = counter.encoding.count_ordinary(&text);
            let tokens = usize::try_from(counter.count(&text)).unwrap();

            assert!(tokens.abs_diff(exact) <= 4 * 2, "{run:?}: {tokens}, {exact}");
        }
    }

    #[test]
    fn only_long_runs_are_cut() {
        let words = "word ".repeat(LONGEST_RUN);
        let long = "x".repeat(LONGEST_RUN + 1);

        assert_eq!(runs(&words).count(), 1);
        assert_eq!(runs(&long).map(str::len).collect::<Vec<_>>(), [LONGEST_RUN, 1]);
    }

    proptest! {
        #[test]
        fn ordinary_text_counts_as_the_encoding_says(text in ".{0,200}") {
            let counter = TokenCounter::load();

            let exact = counter.encoding.count_ordinary(&text);

            prop_assert_eq!(usize::try_from(counter.count(&text)).unwrap(), exact);
        }
    }
}
