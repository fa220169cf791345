//! The ways to match a word or phrase of a search.

use super::fold::{fold, is_extender};
use super::index::{Entry, connected, name_parts};
use super::segments::{Kind, Segment, Segments};

/// The minimum length in characters of a word that is also searched as a prefix.
const MIN_PREFIX_CHARS: usize = 2;

/// A way to match a word or phrase of a search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alternative {
    /// A single term, which is one of the terms or forms of a text, or a sequence of terms.
    pub terms: Vec<String>,
    /// Whether the last term is a prefix of a term in the text.
    pub is_prefix: bool,
}

impl Alternative {
    /// Returns each term, and whether it is a prefix.
    pub fn each(&self) -> impl Iterator<Item = (&str, bool)> {
        let last = self.terms.len().saturating_sub(1);
        let terms = self.terms.iter().enumerate();
        terms.map(move |(index, term)| (term.as_str(), self.is_prefix && index == last))
    }

    fn exact(terms: Vec<String>) -> Self {
        Self { terms, is_prefix: false }
    }
}

/// Returns the ways to match a phrase. The last word of an incomplete phrase also matches as a prefix.
pub(super) fn of_phrase(phrase: &str, is_incomplete: bool) -> Vec<Alternative> {
    of_segments(phrase, &mut Segments::of(phrase).collect(), is_incomplete)
}

/// Whether the word is a single letter or digit, which is likely to be continued. In scripts without spaces, a character is
/// a word.
pub(super) fn is_single_character(word: &str) -> bool {
    let mut segments = Segments::of(word);
    let (first, second) = (segments.next(), segments.next());
    let text = first.as_ref().filter(|segment| segment.kind == Kind::Word && second.is_none());
    let mut chars = text.and_then(|segment| word.get(segment.range.clone())).unwrap_or("").chars();
    chars.next().is_some_and(char::is_alphanumeric) && !chars.any(|c| !is_extender(c))
}

/// Returns the ways to match a word, also as a prefix if it is the last one or ends with an asterisk.
pub(super) fn of_word(word: &str, is_last: bool) -> Vec<Alternative> {
    let has_asterisk = word.ends_with('*');
    let mut segments: Vec<Segment> = Segments::of(word).collect();
    let mut alternatives = of_segments(word, &mut segments, has_asterisk || is_last);
    if connected(&segments).any(|group| group.len() == segments.len()) && !is_dotted_number(word) {
        let entry = Entry::of_connected(word);
        alternatives.push(Alternative::exact(vec![entry.term]));
        // A prefix of a number is not a prefix of its digits without separators: `10.0` is not `1000`.
        let has_letters = word.contains(char::is_alphabetic);
        if (is_last || has_asterisk) && has_letters {
            alternatives.push(Alternative { terms: vec![fold(word)], is_prefix: true });
        }
    }
    if let [segment] = segments.as_slice() {
        let parts = name_parts(word.get(segment.range.clone()).unwrap_or_default());
        let terms: Vec<String> = parts.iter().map(|part| Entry::of_connected(part).term).collect();
        if !terms.is_empty() {
            alternatives.push(Alternative::exact(terms));
        }
    }
    alternatives
}

/// Whether the word has several dots between numbers, as a version or an address has.
fn is_dotted_number(word: &str) -> bool {
    word.matches('.').count() > 1 && word.chars().all(|c| c.is_ascii_digit() || c == '.')
}

fn of_segments(text: &str, segments: &mut Vec<Segment>, is_prefix: bool) -> Vec<Alternative> {
    // The pair before it contains the character, and a text may continue after it.
    let is_redundant = matches!(
        segments.as_slice(),
        [.., Segment { kind: Kind::Pair, .. }, Segment { kind: Kind::Last, .. }]
    );
    if is_redundant {
        segments.pop();
    }
    let Some((last, before)) = segments.split_last() else { return Vec::new() };
    // The last letter of `it's` or `gpt4o` does not begin another word.
    let begins_word = before.last().is_some_and(|previous| {
        let between = text.get(previous.range.end..last.range.start);
        previous.kind != Kind::Word || !matches!(between, Some("" | "'" | "’"))
    });
    let text_of = |segment: &Segment| text.get(segment.range.clone()).unwrap_or_default();
    let terms = before.iter().map(|segment| Entry::of(text_of(segment), segment.kind).term);
    let terms: Vec<String> = terms.filter(|term| !term.is_empty()).collect();
    let (last, kind) = (text_of(last), last.kind);
    let with = |last: String, is_prefix: bool| Alternative {
        terms: terms.iter().cloned().chain([last]).collect(),
        is_prefix,
    };
    let folded = fold(last);
    if folded.is_empty() {
        return if terms.is_empty() { Vec::new() } else { vec![Alternative::exact(terms)] };
    }
    if kind == Kind::Last {
        return vec![with(folded, true)];
    }
    let name = last.trim_end_matches(['+', '#']);
    if terms.is_empty() && kind == Kind::Word && name.len() < last.len() {
        let signs = last.get(name.len()..).unwrap_or_default();
        // `C+` may become `C++`, and `Ctrl+` and `notepad+` may continue.
        let begins_name = is_prefix && signs == "+";
        let name_with_signs =
            Alternative { terms: vec![format!("{folded}{signs}")], is_prefix: begins_name };
        let mut alternatives = vec![name_with_signs];
        if is_prefix && folded.chars().count() >= MIN_PREFIX_CHARS {
            alternatives.push(Alternative::exact(vec![Entry::of(name, kind).term]));
        }
        return alternatives;
    }
    let is_single = folded.chars().count() < MIN_PREFIX_CHARS;
    let is_number = folded.starts_with(|c: char| c.is_ascii_digit());
    if is_prefix && is_single && begins_word && !is_number && !terms.is_empty() {
        // The results should not disappear when a user begins the next word.
        return vec![Alternative::exact(terms)];
    }
    let mut alternatives = vec![with(Entry::of(last, kind).term, false)];
    // The last character of a pair may be incomplete too: in Thai, vowels and tones follow it as marks.
    // A single digit of a version or a name continues what precedes it: `3.1` is a prefix of `3.11`.
    let is_long_enough = !is_single || is_number && !terms.is_empty();
    if is_prefix && kind != Kind::Pictograph && is_long_enough {
        alternatives.push(with(folded, true));
    }
    alternatives
}
