//! The boundaries at which a text can be split, from the best kind to the worst.

use unicode_segmentation::UnicodeSegmentation;

/// The maximum distance within which the ends of sentences and words are searched. Finding sentences takes
/// quadratic time in the worst case, for example for a full stop followed by brackets.
const MAX_SEARCH_BYTES: usize = 512;

/// A kind of boundary at which a text can be split.
pub(super) struct Level {
    /// Returns the ends of the parts of a text. The last part ends with the text.
    ends: fn(&str) -> Ends<'_>,
    max_search_bytes: usize,
}

type Ends<'a> = Box<dyn Iterator<Item = usize> + 'a>;

/// All levels, best first.
pub(super) const LEVELS: [Level; 4] = [
    Level { ends: paragraph_ends, max_search_bytes: usize::MAX },
    Level { ends: line_ends, max_search_bytes: usize::MAX },
    Level { ends: sentence_ends, max_search_bytes: MAX_SEARCH_BYTES },
    Level { ends: word_ends, max_search_bytes: MAX_SEARCH_BYTES },
];

impl Level {
    /// Returns the last end of a part after `from` and up to `farthest`, or `from` if there is none, and the next
    /// end if there is one up to `ahead`. `from` must be the end of a part. All values are byte offsets.
    pub(super) fn ends_around(
        &self,
        text: &str,
        from: usize,
        farthest: usize,
        ahead: usize,
    ) -> (usize, Option<usize>) {
        let distance = self.max_search_bytes.min(farthest - from);
        let first = text.floor_char_boundary(farthest - distance);
        let until = farthest.saturating_add(self.max_search_bytes).min(ahead);
        let until = text.floor_char_boundary(until);
        let window = text.get(first..until).unwrap_or_default();
        let mut last = from;
        for end in (self.ends)(window).map(|end| first + end) {
            if end > farthest {
                // The end of the window is not the end of a part.
                let is_found = end < until || until == text.len();
                return (last, is_found.then_some(end));
            }
            last = end;
        }
        (last, None)
    }
}

/// Returns the ends of paragraphs. A paragraph includes the empty lines after it.
fn paragraph_ends(text: &str) -> Ends<'_> {
    let ends = text.match_indices("\n\n").filter_map(|(at, _)| {
        let after = text.get(at + 2..)?;
        let rest = after.strip_prefix('\n').unwrap_or(after);
        (!rest.starts_with('\n') && !rest.is_empty()).then_some(text.len() - rest.len())
    });
    Box::new(ends.chain([text.len()]))
}

fn line_ends(text: &str) -> Ends<'_> {
    let ends = text.match_indices('\n').map(|(at, _)| at + 1);
    Box::new(ends.filter(|end| *end < text.len()).chain([text.len()]))
}

fn sentence_ends(text: &str) -> Ends<'_> {
    Box::new(text.split_sentence_bound_indices().map(|(at, sentence)| at + sentence.len()))
}

/// Returns the ends of words. A word includes the white space before it, like a token.
fn word_ends(text: &str) -> Ends<'_> {
    let parts = text.split_word_bound_indices();
    let ends = parts.filter(|(_, part)| !part.trim().is_empty()).map(|(at, part)| at + part.len());
    let after_last = text.trim_end().len() < text.len();
    Box::new(ends.chain(after_last.then_some(text.len())))
}
