//! The words of an error.

use serde_json::Value;

/// What an error says, in lower case. It may quote the user, so it must not be logged.
pub(super) struct ErrorText {
    labels: Vec<String>,
    pub(super) param: Option<String>,
    pub(super) text: String,
    words: Vec<String>,
    /// The numbers in the sentences of the error.
    pub(super) numbers: Vec<u64>,
}

impl ErrorText {
    /// `text` is what `error` was parsed from, if it is JSON.
    pub(super) fn new(error: &Value, text: &str) -> Self {
        let field = |name| error.get(name).and_then(Value::as_str).map(str::to_lowercase);
        let text = text.to_lowercase();
        let mut numbers = Vec::new();
        match error {
            Value::Null => numbers.extend(numbers_in(&text)),
            error => collect_numbers(error, &mut numbers),
        }
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        let words = text.split(|c| !is_word(c)).filter(|word| !word.is_empty());
        Self {
            labels: [field("code"), field("type")].into_iter().flatten().collect(),
            param: field("param").filter(|param| !param.is_empty()),
            words: words.map(str::to_owned).collect(),
            numbers,
            text,
        }
    }

    /// The code and the type.
    pub(super) fn labels(&self) -> impl Iterator<Item = &str> {
        self.labels.iter().map(String::as_str)
    }

    /// Returns whether the error contains this word or name of a field.
    pub(super) fn names(&self, name: &str) -> bool {
        self.words.iter().any(|word| is_same_name(word, name))
    }

    /// Returns whether the text contains any of these.
    pub(super) fn contains_any(&self, texts: &[&str]) -> bool {
        texts.iter().any(|text| self.text.contains(text))
    }

    /// Returns the number after this word, as in `Limit 6,000` and `limit: 6000`.
    pub(super) fn number_after(&self, word: &str) -> Option<u64> {
        let words = self.text.split_whitespace();
        words.clone().zip(words.skip(1)).find_map(|(first, second)| {
            let is_digit = |c: char| c.is_ascii_digit() || c == ',' || c == '_';
            let digits = second.split(|c| !is_digit(c)).next()?;
            (trimmed(first) == word).then(|| parse_number(digits)).flatten()
        })
    }

    /// Returns which of these names is the parameter of the error, or else is the first in its text.
    pub(super) fn first_of(&self, names: &[&'static str]) -> Option<&'static str> {
        let find = |word: &str| names.iter().copied().find(|name| is_same_name(name, word));
        let by_param = self.param.as_deref().and_then(find);
        by_param.or_else(|| self.words.iter().find_map(|word| find(word)))
    }
}

/// Returns whether two names of a field are the same. Some upstreams write `presence_penalty` as `presencePenalty`, and
/// in the Responses API `reasoning_effort` is `reasoning.effort`.
pub(super) fn is_same_name(first: &str, second: &str) -> bool {
    let letters = |name: &str| name.replace(['_', '.'], "");
    first == second || letters(first) == letters(second)
}

/// Recursion is bounded by the JSON parser's depth limit.
fn collect_numbers(value: &Value, numbers: &mut Vec<u64>) {
    match value {
        Value::String(text) => numbers.extend(numbers_in(text)),
        Value::Array(items) => items.iter().for_each(|item| collect_numbers(item, numbers)),
        Value::Object(fields) => {
            fields.values().for_each(|field| collect_numbers(field, numbers));
        }
        _ => {}
    }
}

/// Returns the words that are numbers, such as `4096`, `(131,072)` and `8192.`. Those in names are none, as in
/// `gpt-5-2025-08-07`.
fn numbers_in(text: &str) -> impl Iterator<Item = u64> {
    text.split_whitespace().map(trimmed).filter_map(parse_number)
}

fn trimmed(word: &str) -> &str {
    word.trim_matches(|c: char| !c.is_alphanumeric())
}

fn parse_number(word: &str) -> Option<u64> {
    word.replace([',', '_'], "").parse().ok()
}
