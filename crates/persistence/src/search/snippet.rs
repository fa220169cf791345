//! Snippets: the parts of texts around the matches of a search.

use std::ops::Range;

use webchat_domain::SnippetPart;

use super::terms::{Terms, TextWords, Word};

/// The approximate number of words in a snippet.
const SNIPPET_WORDS: usize = 24;

/// The number of words in a snippet before the first match.
const WORDS_BEFORE: usize = 5;

/// The maximum length of a snippet in bytes. It matters only for long words.
const MAX_SNIPPET_BYTES: usize = 320;

/// The part of a text that is searched for matches to show, in bytes from its beginning. It bounds the cost of a snippet,
/// which is linear in this length.
pub const SNIPPET_SOURCE_BYTES: usize = 16 * 1024;

impl Terms {
    /// Returns the part of the text with the most terms, with the matches marked. Only matches in the first
    /// [`SNIPPET_SOURCE_BYTES`] count. If there are none, the snippet is the beginning of the text.
    #[must_use]
    pub fn snippet(&self, text: &str) -> Vec<SnippetPart> {
        let source = text.get(..text.floor_char_boundary(SNIPPET_SOURCE_BYTES)).unwrap_or_default();
        let matches = self.find_in(source);
        let matching = self.matching_ranges(&matches);
        let shown = shown_range(source, &matches, &matching);
        marked(text, shown, &matching)
    }

    /// Returns the whole text with the matches marked.
    #[must_use]
    pub fn mark(&self, text: &str) -> Vec<SnippetPart> {
        marked(text, 0..text.len(), &self.matching_ranges(&self.find_in(text)))
    }
}

/// Returns a part of the text with the matches marked.
fn marked(text: &str, shown: Range<usize>, matching: &[Range<usize>]) -> Vec<SnippetPart> {
    let mut parts = SnippetBuilder::default();
    if shown.start > 0 {
        parts.push("…", false);
    }
    let mut done = shown.start;
    for range in matching {
        let (start, end) = (range.start.max(shown.start), range.end.min(shown.end));
        if start < end {
            parts.push(text.get(done..start).unwrap_or_default(), false);
            parts.push(text.get(start..end).unwrap_or_default(), true);
            done = end;
        }
    }
    parts.push(text.get(done..shown.end).unwrap_or_default(), false);
    if shown.end < text.len() {
        parts.push("…", false);
    }
    parts.0
}

/// Returns the byte range of the text that the snippet shows.
fn shown_range(text: &str, matches: &TextWords, matching: &[Range<usize>]) -> Range<usize> {
    let words = &matches.words;
    let best = best_start(words, matching);
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
fn best_start(words: &[Word], matching: &[Range<usize>]) -> usize {
    let near = SNIPPET_WORDS - WORDS_BEFORE;
    let terms = term_bits(words, matching);
    let terms_from = |start: usize| {
        let nearby = terms.iter().skip(start).take(near);
        nearby.fold(0, |all, term| all | term).count_ones()
    };
    let matches = terms.iter().enumerate().filter(|(_, terms)| **terms != 0);
    // `max_by_key` returns the last of several maxima: reverse the order to get the first.
    matches.map(|(index, _)| index).rev().max_by_key(|index| terms_from(*index)).unwrap_or(0)
}

/// Returns for each word the bits of its terms, or no bit if it is not in a match. If there are more terms than
/// bits, several share a bit.
fn term_bits(words: &[Word], matching: &[Range<usize>]) -> Vec<u128> {
    let bit_of = |term: usize| 1_u128.rotate_left(u32::try_from(term % 128).unwrap_or_default());
    let mut matching = matching.iter().peekable();
    let bits = words.iter().map(|word| {
        while matching.next_if(|range| range.end <= word.range.start).is_some() {}
        match matching.peek() {
            // A word that matches only together with its neighbours counts as the first term.
            Some(range) if range.start <= word.range.start => {
                word.term_ids().map(bit_of).fold(0, |all, bit| all | bit).max(1)
            }
            _ => 0,
        }
    });
    bits.collect()
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
    use webchat_domain::SearchQuery;

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
