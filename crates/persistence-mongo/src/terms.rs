//! What of a text a search has found, in the way MongoDB's text index finds it: words without regard
//! to case and accents, by their English stems.

use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::Range;

use rust_stemmers::{Algorithm, Stemmer};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;
use webchat_domain::{SearchQuery, SnippetPart};

/// About how many words a snippet has.
const SNIPPET_WORDS: usize = 24;

/// How many of them stand before the first match.
const WORDS_BEFORE: usize = 5;

/// How long a snippet is at most, in bytes, where words are long.
const SNIPPET_BYTES: usize = 320;

/// The stems of what is searched for.
pub(crate) struct Terms {
    stemmer: Stemmer,
    words: HashSet<String>,
    phrases: Vec<Vec<String>>,
}

struct Word {
    place: Range<usize>,
    stem: String,
    is_match: bool,
}

/// Whether the text index reads a character as part of a word.
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

    /// Whether a text that the server finds may still not be what is asked for: to it, a word need
    /// not be there if a phrase is.
    pub(crate) fn are_more_than_the_servers(&self) -> bool {
        !self.words.is_empty() && !self.phrases.is_empty()
    }

    /// Whether a text that the server finds is what is asked for.
    pub(crate) fn are_in(&self, text: &str) -> bool {
        !self.are_more_than_the_servers()
            || words(&self.stemmer, text).iter().any(|word| self.words.contains(&word.stem))
    }

    /// The part of the text in which the most terms are, with what is found in it marked.
    pub(crate) fn snippet(&self, text: &str) -> Vec<SnippetPart> {
        let mut words = words(&self.stemmer, text);
        self.mark(&mut words);
        let visible = visible(text, &words);
        let mut parts = SnippetBuilder::default();
        if visible.start > 0 {
            parts.push("…", false);
        }
        let mut done = visible.start;
        for word in words.iter().filter(|word| word.is_match) {
            let end = word.place.end.min(visible.end);
            if word.place.start >= done && word.place.start < visible.end {
                parts.push(text.get(done..word.place.start).unwrap_or_default(), false);
                parts.push(text.get(word.place.start..end).unwrap_or_default(), true);
                done = end;
            }
        }
        parts.push(text.get(done..visible.end).unwrap_or_default(), false);
        if visible.end < text.len() {
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
                let Some(place) = words.get_mut(start..start + phrase.len()) else {
                    break;
                };
                if place.iter().map(|word| &word.stem).eq(phrase) {
                    for word in place {
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
        let folded = folded(rest.get(..length).unwrap_or_default());
        let stem = stemmer.stem(&folded).into_owned();
        words.push(Word { place: start..end, stem, is_match: false });
    }
    words
}

fn folded(word: &str) -> Cow<'_, str> {
    if word.is_ascii() {
        return Cow::Owned(word.to_ascii_lowercase());
    }
    let bare: String = word.nfd().filter(|c| !is_combining_mark(*c)).collect();
    Cow::Owned(bare.to_lowercase())
}

/// The bytes of the text that a snippet shows.
fn visible(text: &str, words: &[Word]) -> Range<usize> {
    let best = best_start(words);
    let first = best.saturating_sub(WORDS_BEFORE);
    let place_of = |index: usize| words.get(index).map(|word| word.place.clone());
    let best = place_of(best).map_or(0, |place| place.start);
    let from = if first == 0 { 0 } else { place_of(first).map_or(0, |place| place.start) };
    let from = text.ceil_char_boundary(from.max(best.saturating_sub(SNIPPET_BYTES / 2)));
    let to = match place_of(first + SNIPPET_WORDS) {
        Some(next) => place_of(first + SNIPPET_WORDS - 1).map_or(next.start, |last| last.end),
        None => text.len(),
    };
    from..text.floor_char_boundary(to.min(from + SNIPPET_BYTES))
}

/// The match from which on the most different terms are near; the first word without one.
fn best_start(words: &[Word]) -> usize {
    let near = SNIPPET_WORDS - WORDS_BEFORE;
    let terms_from = |start: usize| {
        let matches = words.iter().skip(start).take(near).filter(|word| word.is_match);
        matches.map(|word| word.stem.as_str()).collect::<HashSet<_>>().len()
    };
    let matches = words.iter().enumerate().filter(|(_, word)| word.is_match);
    // `max_by_key` would answer the last of several.
    matches.map(|(index, _)| index).rev().max_by_key(|index| terms_from(*index)).unwrap_or(0)
}

#[derive(Default)]
struct SnippetBuilder(Vec<SnippetPart>);

impl SnippetBuilder {
    /// Neighbours of one kind become one part.
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
    fn all_forms_of_a_word_are_marked() {
        assert_eq!(
            snippet("TIDE moons", "Tides, the tide's moon."),
            "[Tides], the [tide's] [moon]."
        );
        assert_eq!(snippet("cafe", "Le CAFÉ, le cafe\u{301}"), "Le [CAFÉ], le [cafe\u{301}]");
    }

    #[test]
    fn of_a_phrase_only_the_words_in_its_order_are_marked() {
        assert_eq!(
            snippet("\"the tide\"", "the moon and the tide, not the tides of the sea"),
            "the moon and [the] [tide], not [the] [tides] of the sea"
        );
    }

    #[test]
    fn of_a_long_text_the_place_with_the_most_terms_is_shown() {
        let filler = "and many other things of little weight are said here ".repeat(9);
        let text = format!("a tide alone {filler} the moon and the tide together {filler}");

        assert_eq!(
            snippet("moon tide", &text),
            "…weight are said here  the [moon] and the [tide] together and many other things of \
             little weight are said here and many other things…"
        );
    }

    #[test]
    fn a_snippet_is_short_whatever_the_words_are() {
        for text in ["x".repeat(9_999), format!("tide{}tide", "–".repeat(9_999)), "–".repeat(9_999)]
        {
            assert!(snippet("tide", &text).len() < SNIPPET_BYTES + 20, "{text:.20}");
        }
        let late = format!("{} tide", "–潮 ".repeat(9_999));
        assert!(snippet("tide", &late).contains("[tide]"));
    }

    #[test]
    fn a_text_without_a_match_is_shown_from_its_beginning() {
        assert_eq!(snippet("tide", "Nothing of the kind."), "Nothing of the kind.");
        assert_eq!(snippet("tide", ""), "");
    }
}
