//! The terms of a text that a store indexes.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;

use rust_stemmers::{Algorithm, Stemmer};

use super::fold::fold;
use super::segments::{Kind, Segment, Segments};

/// The part of a text that is indexed, in bytes from its beginning.
pub const INDEXED_BYTES: usize = 512 * 1024;

/// The maximum number of words that are also indexed as one, such as `email` for `e-mail`.
const MAX_CONNECTED: usize = 6;

/// The maximum length of a word that is stemmed, in bytes.
const MAX_STEMMED_BYTES: usize = 32;

/// The stem of a word in `-sis` loses its final `i` if it is longer than this, in bytes: `analysi` does, `basi` doesn't.
const MAX_UNCHANGED_SI_BYTES: usize = 5;

/// The terms of a text, which a store indexes.
pub struct IndexTerms {
    /// The different segments of the text.
    entries: Vec<Entry>,
    /// The index into `entries` of each segment, in the order of the text.
    order: Vec<usize>,
    /// The terms of connected words.
    connected: BTreeSet<String>,
}

/// The terms by which a segment is found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Entry {
    /// The folded text, or its English stem. Empty if nothing remains.
    pub(super) term: String,
    /// Other terms: the word without stemming, and the parts of a name such as `HttpServer`.
    pub(super) forms: Vec<String>,
}

impl IndexTerms {
    /// Finds the terms in the first [`INDEXED_BYTES`] of the text.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let text = text.get(..text.floor_char_boundary(INDEXED_BYTES)).unwrap_or_default();
        let segments: Vec<Segment> = Segments::of(text).collect();
        let (mut entries, mut known) = (Vec::new(), HashMap::new());
        let index_of = |segment: &Segment| {
            let text = text.get(segment.range.clone()).unwrap_or_default();
            *known.entry(text).or_insert_with(|| {
                entries.push(Entry::of(text, segment.kind));
                entries.len() - 1
            })
        };
        let order = segments.iter().map(index_of).collect();
        let mut joined = BTreeSet::new();
        for words in connected(&segments) {
            let entry = Entry::of_connected(text.get(words_range(words)).unwrap_or_default());
            joined.insert(entry.term);
            joined.extend(entry.forms);
        }
        Self { entries, order, connected: joined }
    }

    /// Returns the terms in the order of the text.
    pub fn in_order(&self) -> impl Iterator<Item = &str> {
        let entries = self.order.iter().filter_map(|index| self.entries.get(*index));
        entries.map(|entry| entry.term.as_str()).filter(|term| !term.is_empty())
    }

    /// Returns the terms that are not in the text itself, each once.
    #[must_use]
    pub fn forms(&self) -> BTreeSet<&str> {
        let forms = self.entries.iter().flat_map(|entry| &entry.forms);
        forms.chain(&self.connected).map(String::as_str).collect()
    }

    /// Returns all terms, each once.
    #[must_use]
    pub fn all(&self) -> BTreeSet<&str> {
        let terms = self.entries.iter().map(|entry| entry.term.as_str());
        let mut all: BTreeSet<&str> = terms.filter(|term| !term.is_empty()).collect();
        all.append(&mut self.forms());
        all
    }
}

impl Entry {
    pub(super) fn of(text: &str, kind: Kind) -> Self {
        if kind != Kind::Word {
            return Self { term: fold(text), forms: Vec::new() };
        }
        let name = text.trim_end_matches(['+', '#']);
        let mut entry = Self::of_word(fold(name));
        if let Some(signs) = text.strip_prefix(name)
            && !signs.is_empty()
        {
            entry.forms.push(format!("{}{signs}", fold(name)));
        }
        let parts = name_parts(name);
        for (index, part) in parts.iter().enumerate() {
            if part.len() > 1 {
                entry.add(fold(part));
            }
            if index > 0 {
                entry.add(fold(&parts.get(index..).unwrap_or_default().concat()));
            }
        }
        entry
    }

    /// Returns the entry of connected words, such as `e-mail`.
    pub(super) fn of_connected(text: &str) -> Self {
        Self::of_word(fold(text))
    }

    fn of_word(word: String) -> Self {
        let term = stem(&word);
        let forms = if word == term { Vec::new() } else { vec![word] };
        Self { term, forms }
    }

    fn add(&mut self, word: String) {
        let Self { term, forms } = Self::of_word(word);
        for form in forms.into_iter().chain([term]) {
            if form != self.term && !form.is_empty() && !self.forms.contains(&form) {
                self.forms.push(form);
            }
        }
    }
}

/// Returns the groups of connected segments that are also indexed as one word.
pub(super) fn connected(segments: &[Segment]) -> impl Iterator<Item = &[Segment]> {
    let groups = segments.chunk_by(|_, next| next.is_connected);
    groups.filter(|group| (2..=MAX_CONNECTED).contains(&group.len()))
}

/// Returns the range of adjacent segments in the text, with what is between them.
pub(super) fn words_range(words: &[Segment]) -> Range<usize> {
    let ends = words.first().zip(words.last());
    ends.map(|(first, last)| first.range.start..last.range.end).unwrap_or_default()
}

/// Returns the English stem of a folded word, which is its term.
#[must_use]
pub fn stem(word: &str) -> String {
    if word.len() > MAX_STEMMED_BYTES || !word.bytes().all(|byte| byte.is_ascii_lowercase()) {
        return word.to_owned();
    }
    let mut stem = Stemmer::create(Algorithm::English).stem(word).into_owned();
    // `analysis` is a form of `analyses`, whose stem is `analys`.
    if stem.len() > MAX_UNCHANGED_SI_BYTES && word.ends_with("sis") && stem.ends_with("si") {
        stem.pop();
    }
    stem
}

/// Returns the parts of a name such as `HttpServer` or `parseURL`, or nothing for another word.
pub(super) fn name_parts(word: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut start = 0;
    let chars: Vec<(usize, char)> = word.char_indices().collect();
    for (index, window) in chars.windows(2).enumerate() {
        let [(_, before), (at, current)] = *window else { continue };
        let next = chars.get(index + 2).map(|(_, c)| *c);
        let is_boundary = before.is_lowercase() && current.is_uppercase()
            || before.is_uppercase()
                && current.is_uppercase()
                && next.is_some_and(char::is_lowercase);
        if is_boundary {
            parts.extend(word.get(start..at));
            start = at;
        }
        if parts.len() == MAX_CONNECTED {
            return Vec::new();
        }
    }
    if parts.is_empty() {
        return parts;
    }
    parts.extend(word.get(start..));
    parts
}
