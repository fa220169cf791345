//! The terms of a search, and the snippets in which they are marked. Matches as MongoDB's text index does:
//! words by their English stems, ignoring case and accents.

use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::Range;

use rust_stemmers::{Algorithm, Stemmer};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;
use webchat_domain::{SearchQuery, SnippetPart};
use webchat_persistence::rules::SNIPPET_WORDS;

/// The number of the words of a snippet before the first match.
const WORDS_BEFORE: usize = 5;

/// The maximum length of a snippet, in bytes, which matters for long words.
const MAX_SNIPPET_BYTES: usize = 320;

/// The stems of a search's words and phrases.
pub(crate) struct Terms {
    stemmer: Stemmer,
    words: HashSet<String>,
    phrases: Vec<Vec<String>>,
}

/// A word of a text.
struct Word {
    /// Its bytes in the text.
    range: Range<usize>,
    stem: String,
    is_match: bool,
}

/// Returns whether the text index treats the character as part of a word.
pub(crate) fn is_in_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '\'') || is_combining_mark(c)
}

impl Terms {
    pub(crate) fn of(query: &SearchQuery) -> Self {
        let stemmer = Stemmer::create(Algorithm::English);
        let stems = |text: &String| words(&stemmer, text).into_iter().map(|word| word.stem);
        let words = query.words.iter().flat_map(stems).collect();
        let phrases = query.phrases.iter().map(|phrase| stems(phrase).collect()).collect();
        Self { stemmer, words, phrases }
    }

    /// Returns whether the server's hits must be filtered: if there is a phrase, the server does not
    /// require any of the words beside it.
    pub(crate) fn need_filtering(&self) -> bool {
        !self.words.is_empty() && !self.phrases.is_empty()
    }

    /// Returns whether a text that the server found matches the search.
    pub(crate) fn matches(&self, text: &str) -> bool {
        !self.need_filtering()
            || words(&self.stemmer, text).iter().any(|word| self.words.contains(&word.stem))
    }

    /// Returns the part of the text with the most terms, in which the matches are marked.
    pub(crate) fn snippet(&self, text: &str) -> Vec<SnippetPart> {
        let mut words = words(&self.stemmer, text);
        self.mark(&mut words);
        let shown = snippet_range(text, &words);
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

    fn mark(&self, words: &mut [Word]) {
        for word in words.iter_mut() {
            word.is_match = self.words.contains(&word.stem);
        }
        for phrase in self.phrases.iter().filter(|phrase| !phrase.is_empty()) {
            for start in 0..words.len() {
                let Some(candidate) = words.get_mut(start..start + phrase.len()) else {
                    break;
                };
                if candidate.iter().map(|word| &word.stem).eq(phrase) {
                    for word in candidate {
                        word.is_match = true;
                    }
                }
            }
        }
    }
}

fn words(stemmer: &Stemmer, text: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let mut end = 0;
    while let Some(rest) = text.get(end..)
        && let Some(gap) = rest.find(is_in_word)
    {
        let start = end + gap;
        let rest = text.get(start..).unwrap_or_default();
        let length = rest.find(|c| !is_in_word(c)).unwrap_or(rest.len());
        end = start + length;
        let normalized = normalize(rest.get(..length).unwrap_or_default());
        let stem = stemmer.stem(&normalized).into_owned();
        words.push(Word { range: start..end, stem, is_match: false });
    }
    words
}

/// Removes the accents and converts to lower case.
fn normalize(word: &str) -> Cow<'_, str> {
    if word.is_ascii() {
        return Cow::Owned(word.to_ascii_lowercase());
    }
    let bare: String = word.nfd().filter(|c| !is_combining_mark(*c)).collect();
    Cow::Owned(bare.to_lowercase())
}

/// Returns the range of the text that the snippet shows, in bytes.
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

/// Returns the index of the match that is followed by the most different terms nearby, or 0 without a match.
fn best_start(words: &[Word]) -> usize {
    let near = SNIPPET_WORDS - WORDS_BEFORE;
    let terms_from = |start: usize| {
        let matches = words.iter().skip(start).take(near).filter(|word| word.is_match);
        matches.map(|word| word.stem.as_str()).collect::<HashSet<_>>().len()
    };
    let matches = words.iter().enumerate().filter(|(_, word)| word.is_match);
    // `max_by_key` returns the last of several maxima: reverse the order to get the first.
    matches.map(|(index, _)| index).rev().max_by_key(|index| terms_from(*index)).unwrap_or(0)
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

    fn snippet(query: &str, text: &str) -> String {
        let parts = Terms::of(&SearchQuery::parse(query)).snippet(text);
        let shown = |part: &SnippetPart| {
            if part.matched { format!("[{}]", part.text) } else { part.text.clone() }
        };
        parts.iter().map(shown).collect()
    }

    #[test]
    fn all_inflections_of_a_word_are_marked() {
        assert_eq!(
            snippet("TIDE moons", "Tides, the tide's moon."),
            "[Tides], the [tide's] [moon]."
        );
        assert_eq!(snippet("cafe", "Le CAFÉ, le cafe\u{301}"), "Le [CAFÉ], le [cafe\u{301}]");
    }

    #[test]
    fn the_words_of_a_phrase_are_marked_only_in_its_order() {
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
        let late = format!("{} tide", "–潮 ".repeat(9_999));
        assert!(snippet("tide", &late).contains("[tide]"));
    }

    #[test]
    fn the_snippet_of_a_text_without_a_match_is_its_beginning() {
        assert_eq!(snippet("tide", "Nothing of the kind."), "Nothing of the kind.");
        assert_eq!(snippet("tide", ""), "");
    }
}
