//! The terms of a search, and the words of a text that match them.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use webchat_domain::SearchQuery;

use super::alternatives::{self, Alternative};
use super::index::{Entry, connected, stem, words_range};
use super::segments::{Segment, Segments};

/// The maximum number of words that are cached.
const MAX_CACHED_WORDS: usize = 10_000;

/// The maximum length of such a word, in bytes.
const MAX_CACHED_WORD_BYTES: usize = 64;

/// The terms of a search. A text matches if it has an alternative of each requirement, and no excluded one.
pub struct Terms {
    required: Vec<Vec<Alternative>>,
    /// Alternatives that a text need not match. Their matches raise its rank and are marked.
    optional: Vec<Alternative>,
    excluded: Vec<Alternative>,
    term_ids: TermIds,
    /// The number of required and optional terms.
    searched_term_count: usize,
    /// A cache of the words of texts: finding the terms that a word matches takes much longer than a lookup.
    word_cache: Mutex<HashMap<String, MatchedTermIds>>,
}

/// Assigns ids to the terms of a search.
#[derive(Default)]
struct TermIds {
    exact: HashMap<String, usize>,
    prefixes: Vec<(String, usize)>,
}

/// The ids of the terms that a word matches.
#[derive(Clone, Default)]
struct MatchedTermIds {
    /// The id of the word's own term.
    term: Option<usize>,
    /// The ids of the prefixes with which the word's term, or its form without stemming, begins.
    prefixes: Vec<usize>,
    /// The ids of its other forms, and of the prefixes with which only these begin.
    other_forms: Vec<usize>,
}

/// The words of a text, each with the terms that it matches.
pub(super) struct TextWords {
    pub(super) words: Vec<Word>,
    /// Connected words that match as one word.
    connected: Vec<Word>,
}

/// A word of a text.
pub(super) struct Word {
    /// The range of its bytes in the text.
    pub(super) range: Range<usize>,
    found: MatchedTermIds,
}

impl Terms {
    /// Finds the terms of a query.
    #[must_use]
    pub fn of(query: &SearchQuery) -> Self {
        let last_phrase = query.phrases.len().saturating_sub(1);
        let phrases = query.phrases.iter().enumerate().map(|(index, phrase)| {
            alternatives::of_phrase(phrase, query.is_phrase_open && index == last_phrase)
        });
        let mut required: Vec<_> = phrases.collect();
        let last = query.words.len().saturating_sub(1);
        let words = query.words.iter().enumerate();
        let words = words.map(|(index, word)| alternatives::of_word(word, index == last));
        if query.any_word {
            required.push(words.flatten().collect());
        } else {
            required.extend(words);
        }
        let mut optional: Vec<Alternative> = Vec::new();
        // The results should not disappear when a user begins the next word.
        let is_unfinished = query.unfinished_term().is_some_and(alternatives::is_single_character);
        if is_unfinished && !query.any_word && required.len() > 1 {
            let unfinished = if query.is_phrase_open { last_phrase } else { required.len() - 1 };
            optional.extend(required.remove(unfinished));
        }
        let options = query.optional.iter().flat_map(|word| alternatives::of_word(word, false));
        optional.extend(options);
        required.retain(|alternatives| !alternatives.is_empty());
        let excluded = query.excluded.iter().flat_map(|term| alternatives::of_word(term, false));
        let excluded: Vec<_> = excluded.collect();
        let mut term_ids = TermIds::default();
        term_ids.add_all(required.iter().flatten());
        term_ids.add_all(&optional);
        let searched_term_count = term_ids.len();
        term_ids.add_all(&excluded);
        Self {
            required,
            optional,
            excluded,
            term_ids,
            searched_term_count,
            word_cache: Mutex::default(),
        }
    }

    /// Returns the requirements. A text must match an alternative of each. If there are none, no text matches.
    #[must_use]
    pub fn required(&self) -> &[Vec<Alternative>] {
        &self.required
    }

    /// Returns the alternatives that a text must not match.
    #[must_use]
    pub fn excluded(&self) -> &[Alternative] {
        &self.excluded
    }

    /// Whether the order of the words in a text matters.
    #[must_use]
    pub fn has_sequences(&self) -> bool {
        let mut all = self.required.iter().flatten().chain(&self.excluded);
        all.any(|alternative| alternative.terms.len() > 1)
    }

    /// Whether the text matches.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        let words = self.find_in(text);
        let present: HashSet<usize> = words.all().flat_map(Word::term_ids).collect();
        let is_present = |alternative: &Alternative| {
            let term_ids = self.term_ids.of(alternative);
            match term_ids.as_slice() {
                [id] => present.contains(id),
                term_ids => words.sequences(term_ids).next().is_some(),
            }
        };
        !self.required.is_empty()
            && self.required.iter().all(|alternatives| alternatives.iter().any(is_present))
            && !self.excluded.iter().any(is_present)
    }

    /// Finds the words and their terms in a text.
    pub(super) fn find_in(&self, text: &str) -> TextWords {
        let segments: Vec<Segment> = Segments::of(text).collect();
        let mut cache = self.word_cache.lock().unwrap_or_else(PoisonError::into_inner);
        let mut word = |range: Range<usize>, entry_of: &dyn Fn(&str) -> Entry| {
            let text = text.get(range.clone()).unwrap_or_default();
            if let Some(found) = cache.get(text) {
                return Word { range, found: found.clone() };
            }
            let found = self.term_ids.find(&entry_of(text));
            if cache.len() == MAX_CACHED_WORDS {
                cache.clear();
            }
            if text.len() <= MAX_CACHED_WORD_BYTES {
                cache.insert(text.to_owned(), found.clone());
            }
            Word { range, found }
        };
        let connected = connected(&segments)
            .map(|words| word(words_range(words), &Entry::of_connected))
            .filter(|words| words.found.term_ids().next().is_some())
            .collect();
        let entry_of = |segment: &Segment| {
            let kind = segment.kind;
            move |text: &str| Entry::of(text, kind)
        };
        let words = segments.iter().map(|segment| word(segment.range.clone(), &entry_of(segment)));
        TextWords { words: words.collect(), connected }
    }

    /// Returns the ranges of the bytes that match, in order.
    pub(super) fn matching_ranges(&self, words: &TextWords) -> Vec<Range<usize>> {
        let mut single = HashSet::new();
        let mut ranges = Vec::new();
        for alternative in self.required.iter().flatten().chain(&self.optional) {
            let term_ids = self.term_ids.of(alternative);
            if let [id] = term_ids.as_slice() {
                single.insert(*id);
            } else {
                let sequences = words.sequences(&term_ids).flatten();
                ranges.extend(sequences.map(|word| word.range.clone()));
            }
        }
        let matching = words.all().filter(|word| word.term_ids().any(|id| single.contains(&id)));
        ranges.extend(matching.map(|word| word.range.clone()));
        merged(ranges)
    }

    /// Returns the number of different required and optional terms.
    pub(super) fn searched_term_count(&self) -> usize {
        self.searched_term_count
    }

    /// Whether the term with this id is a prefix.
    pub(super) fn is_prefix(&self, id: usize) -> bool {
        self.term_ids.prefixes.iter().any(|(_, prefix_id)| *prefix_id == id)
    }
}

impl TermIds {
    fn len(&self) -> usize {
        self.exact.len() + self.prefixes.len()
    }

    fn add_all<'a>(&mut self, alternatives: impl IntoIterator<Item = &'a Alternative>) {
        for (term, is_prefix) in alternatives.into_iter().flat_map(Alternative::each) {
            let next = self.len();
            if !is_prefix {
                self.exact.entry(term.to_owned()).or_insert(next);
            } else if self.of_prefix(term).is_none() {
                self.prefixes.push((term.to_owned(), next));
            }
        }
    }

    /// Returns the ids of the alternative's terms.
    fn of(&self, alternative: &Alternative) -> Vec<usize> {
        let id = |(term, is_prefix): (&str, bool)| {
            if is_prefix { self.of_prefix(term) } else { self.exact.get(term).copied() }
        };
        alternative.each().filter_map(id).collect()
    }

    fn of_prefix(&self, prefix: &str) -> Option<usize> {
        let mut prefixes = self.prefixes.iter();
        prefixes.find(|(known, _)| known == prefix).map(|(_, id)| *id)
    }

    fn find(&self, entry: &Entry) -> MatchedTermIds {
        let mut found = MatchedTermIds {
            term: self.exact.get(&entry.term).copied(),
            prefixes: Vec::new(),
            other_forms: entry
                .forms
                .iter()
                .filter_map(|form| self.exact.get(form).copied())
                .collect(),
        };
        for (prefix, id) in &self.prefixes {
            let mut forms = entry.forms.iter().filter(|form| form.starts_with(prefix));
            if entry.term.starts_with(prefix) || forms.clone().any(|form| stem(form) == entry.term)
            {
                found.prefixes.push(*id);
            } else if forms.next().is_some() {
                found.other_forms.push(*id);
            }
        }
        found
    }
}

impl MatchedTermIds {
    /// Returns the ids that can match within a sequence: the index has no positions of the other forms.
    fn in_sequence(&self) -> impl Iterator<Item = usize> {
        self.term.into_iter().chain(self.prefixes.iter().copied())
    }

    fn term_ids(&self) -> impl Iterator<Item = usize> {
        let others = self.prefixes.iter().chain(&self.other_forms);
        self.term.into_iter().chain(others.copied())
    }
}

impl Word {
    /// Returns the ids of the terms that the word matches.
    pub(super) fn term_ids(&self) -> impl Iterator<Item = usize> {
        self.found.term_ids()
    }
}

impl TextWords {
    /// Returns all words, and connected words that match as one word.
    pub(super) fn all(&self) -> impl Iterator<Item = &Word> {
        self.words.iter().chain(&self.connected)
    }

    /// Returns each sequence of adjacent words that match these terms in order.
    fn sequences(&self, term_ids: &[usize]) -> impl Iterator<Item = &[Word]> {
        // An empty window would panic. A sequence has at least two terms.
        self.words.windows(term_ids.len().max(1)).filter(move |words| is_sequence(words, term_ids))
    }
}

/// Whether the words match these terms, of which the last one may be a prefix.
fn is_sequence(words: &[Word], term_ids: &[usize]) -> bool {
    let Some((last, before)) = term_ids.split_last() else { return false };
    let Some((last_word, words_before)) = words.split_last() else { return false };
    words_before.iter().map(|word| word.found.term).eq(before.iter().copied().map(Some))
        && last_word.found.in_sequence().any(|id| id == *last)
}

/// Merges ranges that overlap or touch.
fn merged(mut ranges: Vec<Range<usize>>) -> Vec<Range<usize>> {
    ranges.sort_unstable_by_key(|range| (range.start, range.end));
    let mut merged: Vec<Range<usize>> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match merged.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => merged.push(range),
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::cases::SEARCH_CASES;

    #[test]
    fn each_text_matches_only_the_searches_that_should_find_it() {
        let mut wrong = Vec::new();
        for case in SEARCH_CASES {
            let expected = case.found_by.iter().map(|query| (query, true));
            for (query, is_found) in
                expected.chain(case.not_found_by.iter().map(|query| (query, false)))
            {
                if Terms::of(&SearchQuery::parse(query)).matches(case.text) != is_found {
                    wrong.push((case.text, query, is_found));
                }
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    }
}
