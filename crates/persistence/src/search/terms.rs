//! The terms of a search, and the snippets in which they are marked. Words match by their English stems,
//! ignoring case and accents, as in the full-text indexes of the stores.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::iter;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use rust_stemmers::{Algorithm, Stemmer};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;
use webchat_domain::{SearchQuery, SnippetPart};

/// The approximate number of words in a snippet.
const SNIPPET_WORDS: usize = 24;

/// The number of words in a snippet before the first match.
const WORDS_BEFORE: usize = 5;

/// The maximum length of a snippet in bytes. It matters only for long words.
const MAX_SNIPPET_BYTES: usize = 320;

/// The part of a text that is searched for matches to show, in bytes from its beginning. It bounds the cost of a snippet,
/// which is linear in this length.
pub const SNIPPET_SOURCE_BYTES: usize = 16 * 1024;

/// The maximum number of words whose stems are cached.
const MAX_KNOWN_WORDS: usize = 10_000;

/// The maximum length of such a word, in bytes.
const MAX_KNOWN_WORD_BYTES: usize = 32;

/// The stems of a search's words and phrases.
pub struct Terms {
    stemmer: Stemmer,
    is_in_word: fn(char) -> bool,
    /// All stems, each with its index. The stems of excluded terms come last.
    stems: HashMap<String, usize>,
    /// The number of stems that are not excluded.
    searched_stems: usize,
    /// The indexes of the stems of the words.
    words: HashSet<usize>,
    /// The indexes of the stems of each phrase.
    phrases: Vec<Vec<usize>>,
    /// The indexes of the stems of each excluded word or phrase.
    excluded: Vec<Vec<usize>>,
    /// A cache of words in texts, each with the index of its stem, because stemming a word takes much longer than looking
    /// it up.
    known_words: Mutex<HashMap<String, Option<usize>>>,
}

/// A word of a text.
pub(super) struct Word {
    /// The range of its bytes in the text.
    range: Range<usize>,
    /// The index of its stem, if the search contains that stem.
    pub(super) stem: Option<usize>,
    is_match: bool,
}

impl Terms {
    /// Stems the terms of a query. `is_in_word` returns whether the store's index treats a character as part of a
    /// word.
    #[must_use]
    pub fn of(query: &SearchQuery, is_in_word: fn(char) -> bool) -> Self {
        let mut terms = Self {
            stemmer: Stemmer::create(Algorithm::English),
            is_in_word,
            stems: HashMap::new(),
            searched_stems: 0,
            words: HashSet::new(),
            phrases: Vec::new(),
            excluded: Vec::new(),
            known_words: Mutex::default(),
        };
        terms.words = query.words.iter().flat_map(|word| terms.add(word)).collect();
        terms.phrases = query.phrases.iter().map(|phrase| terms.add(phrase)).collect();
        terms.searched_stems = terms.stems.len();
        terms.excluded = query.excluded.iter().map(|term| terms.add(term)).collect();
        terms
    }

    /// Whether the text contains at least one of the words, all phrases and no excluded term.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        let words: Vec<Word> = self.words_of(text).collect();
        let contains = |phrase: &Vec<usize>| {
            !phrase.is_empty() && words.windows(phrase.len()).any(|part| is_phrase(part, phrase))
        };
        if self.words.is_empty() && self.phrases.is_empty() {
            return false;
        }
        (self.words.is_empty() || words.iter().any(|word| self.is_word(word)))
            && self.phrases.iter().all(contains)
            && !self.excluded.iter().any(contains)
    }

    /// Whether the search contains both words and phrases.
    #[must_use]
    pub fn has_words_and_phrases(&self) -> bool {
        !self.words.is_empty() && !self.phrases.is_empty()
    }

    /// Whether the text contains at least one of the words.
    #[must_use]
    pub fn has_word_in(&self, text: &str) -> bool {
        self.words_of(text).any(|word| self.is_word(&word))
    }

    /// Returns the part of the text with the most terms, with the matches marked. Only matches in the first
    /// [`SNIPPET_SOURCE_BYTES`] count. If there are none, the snippet is the beginning of the text.
    #[must_use]
    pub fn snippet(&self, text: &str) -> Vec<SnippetPart> {
        let source = text.get(..text.floor_char_boundary(SNIPPET_SOURCE_BYTES)).unwrap_or_default();
        let mut words: Vec<Word> = self.words_of(source).collect();
        self.mark(&mut words);
        let shown = snippet_range(source, &words);
        let mut parts = SnippetBuilder::default();
        if shown.start > 0 {
            parts.push("…", false);
        }
        let mut done = shown.start;
        for word in words.iter().filter(|word| word.is_match) {
            let end = word.range.end.min(shown.end);
            if word.range.start >= done && word.range.start < shown.end {
                parts.push(text.get(done..word.range.start).unwrap_or_default(), false);
                parts.push(text.get(word.range.start..end).unwrap_or_default(), true);
                done = end;
            }
        }
        parts.push(text.get(done..shown.end).unwrap_or_default(), false);
        if shown.end < text.len() {
            parts.push("…", false);
        }
        parts.0
    }

    /// Returns the number of distinct stems of words and phrases.
    pub(super) fn searched_stems(&self) -> usize {
        self.searched_stems
    }

    pub(super) fn words_of(&self, text: &str) -> impl Iterator<Item = Word> {
        let mut known_words = self.known_words.lock().unwrap_or_else(PoisonError::into_inner);
        let mut stem_of = move |word: &str| {
            if let Some(stem) = known_words.get(word) {
                return *stem;
            }
            if known_words.len() == MAX_KNOWN_WORDS {
                known_words.clear();
            }
            let stem = self.stems.get(&self.stem(word)).copied();
            if word.len() <= MAX_KNOWN_WORD_BYTES {
                known_words.insert(word.to_owned(), stem);
            }
            stem
        };
        word_ranges(text, self.is_in_word).map(move |range| {
            let stem = text.get(range.clone()).and_then(&mut stem_of);
            Word { range, stem, is_match: false }
        })
    }

    /// Adds the stems of a word or phrase of the search. Returns their indexes.
    fn add(&mut self, term: &str) -> Vec<usize> {
        let ranges = word_ranges(term, self.is_in_word);
        let indexes = ranges.filter_map(|range| {
            let stem = self.stem(term.get(range)?);
            let next = self.stems.len();
            Some(*self.stems.entry(stem).or_insert(next))
        });
        indexes.collect()
    }

    fn stem(&self, word: &str) -> String {
        self.stemmer.stem(&normalize(word)).into_owned()
    }

    fn is_word(&self, word: &Word) -> bool {
        word.stem.is_some_and(|stem| self.words.contains(&stem))
    }

    fn mark(&self, words: &mut [Word]) {
        for word in words.iter_mut() {
            word.is_match = self.is_word(word);
        }
        for phrase in self.phrases.iter().filter(|phrase| !phrase.is_empty()) {
            for start in 0..words.len() {
                let Some(candidate) = words.get_mut(start..start + phrase.len()) else {
                    break;
                };
                if is_phrase(candidate, phrase) {
                    for word in candidate {
                        word.is_match = true;
                    }
                }
            }
        }
    }
}

/// Whether these words have the stems of the phrase.
fn is_phrase(words: &[Word], phrase: &[usize]) -> bool {
    words.iter().map(|word| word.stem).eq(phrase.iter().copied().map(Some))
}

/// Returns the byte ranges of the words of a text.
fn word_ranges(text: &str, is_in_word: fn(char) -> bool) -> impl Iterator<Item = Range<usize>> {
    let mut end = 0;
    iter::from_fn(move || {
        let start = end + text.get(end..)?.find(is_in_word)?;
        let word = text.get(start..)?.split(|c| !is_in_word(c)).next()?;
        end = start + word.len();
        Some(start..end)
    })
}

/// Removes accents and converts the word to lower case.
fn normalize(word: &str) -> Cow<'_, str> {
    if word.is_ascii() {
        return Cow::Owned(word.to_ascii_lowercase());
    }
    let bare: String = word.nfd().filter(|c| !is_combining_mark(*c)).collect();
    Cow::Owned(bare.to_lowercase())
}

/// Returns the byte range of the text that the snippet shows.
fn snippet_range(text: &str, words: &[Word]) -> Range<usize> {
    let best = best_start(words);
    let first = best.saturating_sub(WORDS_BEFORE);
    let range_of = |index: usize| words.get(index).map(|word| word.range.clone());
    let best = range_of(best).map_or(0, |range| range.start);
    let from = if first == 0 { 0 } else { range_of(first).map_or(0, |range| range.start) };
    let from = text.ceil_char_boundary(from.max(best.saturating_sub(MAX_SNIPPET_BYTES / 2)));
    let to = match range_of(first + SNIPPET_WORDS) {
        Some(next) => range_of(first + SNIPPET_WORDS - 1).map_or(next.start, |last| last.end),
        None => text.len(),
    };
    from..text.floor_char_boundary(to.min(from + MAX_SNIPPET_BYTES))
}

/// Returns the index of the match after which the most distinct terms follow nearby, or 0 without a match.
fn best_start(words: &[Word]) -> usize {
    let near = SNIPPET_WORDS - WORDS_BEFORE;
    let terms = term_bits(words);
    let terms_from = |start: usize| {
        let nearby = terms.iter().skip(start).take(near);
        nearby.fold(0, |all, term| all | term).count_ones()
    };
    let matches = words.iter().enumerate().filter(|(_, word)| word.is_match);
    // `max_by_key` returns the last of several maxima: reverse the order to get the first.
    matches.map(|(index, _)| index).rev().max_by_key(|index| terms_from(*index)).unwrap_or(0)
}

/// Returns for each word the bit of its term, or no bit if it is not a match. If there are more terms than bits,
/// several share a bit.
fn term_bits(words: &[Word]) -> Vec<u128> {
    let bit_of = |stem: usize| 1_u128.rotate_left(u32::try_from(stem % 128).unwrap_or_default());
    let bit = |word: &Word| word.stem.filter(|_| word.is_match).map_or(0, bit_of);
    words.iter().map(bit).collect()
}

#[derive(Default)]
struct SnippetBuilder(Vec<SnippetPart>);

impl SnippetBuilder {
    /// Appends a text. Adjacent texts of one kind become one part.
    fn push(&mut self, text: &str, matched: bool) {
        if text.is_empty() {
            return;
        }
        match self.0.last_mut() {
            Some(last) if last.matched == matched => last.text.push_str(text),
            _ => self.0.push(SnippetPart { text: text.to_owned(), matched }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_in_word(c: char) -> bool {
        c.is_alphanumeric() || c == '\'' || is_combining_mark(c)
    }

    fn snippet(query: &str, text: &str) -> String {
        let parts = Terms::of(&SearchQuery::parse(query), is_in_word).snippet(text);
        let shown = |part: &SnippetPart| {
            if part.matched { format!("[{}]", part.text) } else { part.text.clone() }
        };
        parts.iter().map(shown).collect()
    }

    #[test]
    fn all_forms_of_a_word_are_marked() {
        assert_eq!(
            snippet("TIDE moons", "Tides, the tide's moon."),
            "[Tides], the [tide's] [moon]."
        );
        assert_eq!(snippet("cafe", "Le CAFÉ, le cafe\u{301}"), "Le [CAFÉ], le [cafe\u{301}]");
    }

    #[test]
    fn the_words_of_a_phrase_are_marked_only_in_sequence() {
        assert_eq!(
            snippet("\"the tide\"", "the moon and the tide, not the tides of the sea"),
            "the moon and [the] [tide], not [the] [tides] of the sea"
        );
    }

    #[test]
    fn the_part_of_a_long_text_with_the_most_terms_is_shown() {
        let filler = "and many other things of little weight are said here ".repeat(9);
        let text = format!("a tide alone {filler} the moon and the tide together {filler}");

        assert_eq!(
            snippet("moon tide", &text),
            "…weight are said here  the [moon] and the [tide] together and many other things of \
             little weight are said here and many other things…"
        );
    }

    #[test]
    fn a_snippet_of_very_long_words_is_short() {
        for text in ["x".repeat(9_999), format!("tide{}tide", "–".repeat(9_999)), "–".repeat(9_999)]
        {
            assert!(snippet("tide", &text).len() < MAX_SNIPPET_BYTES + 20, "{text:.20}");
        }
        let late = format!("{} tide", "–潮 ".repeat(1_999));
        assert!(snippet("tide", &late).contains("[tide]"));
    }

    #[test]
    fn a_match_beyond_the_searched_part_of_a_text_is_not_shown() {
        let text =
            format!("It begins here {}tide", "and goes further ".repeat(SNIPPET_SOURCE_BYTES));

        let shown = snippet("tide", &text);

        assert!(shown.starts_with("It begins here and") && shown.ends_with('…'), "{shown}");
    }

    #[test]
    fn the_snippet_of_a_text_without_a_match_is_its_beginning() {
        assert_eq!(snippet("tide", "Nothing of the kind."), "Nothing of the kind.");
        assert_eq!(snippet("tide", ""), "");
    }
}
