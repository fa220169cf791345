//! Splits a text into segments that are encoded separately.

/// The maximum length of a run in characters. A run consists of white space only, or of other characters only. Longer
/// runs are split: the regular expression that the encoder uses scans the characters of a long run many times, and a
/// million consecutive spaces overflow its stack, so that it panics.
pub(crate) const MAX_RUN_CHARS: usize = 4096;

/// A part of a text, encoded separately.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Segment<'a> {
    pub(crate) text: &'a str,
    /// Whether the segment ends within a run, so that a token may span this and the next segment.
    pub(crate) ends_within_run: bool,
}

/// Iterates over the segments of a text. Each has at least `min_bytes` bytes, except the last one and those that end
/// within a run.
///
/// A segment ends where no token of any encoding can span the boundary: before white space other than a line break,
/// and at the beginning of a line. The segments therefore have the same tokens as the text. Only a run of more than
/// [`MAX_RUN_CHARS`] is split at an arbitrary position.
#[derive(Clone, Debug)]
pub(crate) struct Segments<'a> {
    remaining: &'a str,
    min_bytes: usize,
}

impl<'a> Segments<'a> {
    pub(crate) fn new(text: &'a str, min_bytes: usize) -> Self {
        Self { remaining: text, min_bytes }
    }
}

impl<'a> Iterator for Segments<'a> {
    type Item = Segment<'a>;

    fn next(&mut self) -> Option<Segment<'a>> {
        if self.remaining.is_empty() {
            return None;
        }
        let (end, ends_within_run) = end_of_segment(self.remaining, self.min_bytes);
        let (text, remaining) = self.remaining.split_at(end);
        self.remaining = remaining;
        Some(Segment { text, ends_within_run })
    }
}

/// Returns the end of the first segment, and whether the segment ends within a run.
fn end_of_segment(text: &str, min_bytes: usize) -> (usize, bool) {
    let mut run = 0;
    let (mut before_last, mut last) = (' ', ' ');
    for (at, character) in text.char_indices() {
        if at >= min_bytes && is_boundary(before_last, last, character) {
            return (at, false);
        }
        run = if character.is_whitespace() == last.is_whitespace() { run + 1 } else { 1 };
        if run > MAX_RUN_CHARS {
            return (at, true);
        }
        (before_last, last) = (last, character);
    }
    (text.len(), false)
}

/// Returns whether every encoding ends a token before `next`, regardless of the rest of the text. A token may
/// consist of punctuation, line breaks and slashes, in this order.
fn is_boundary(before_last: char, last: char, next: char) -> bool {
    if next.is_whitespace() {
        return !last.is_whitespace() && !matches!(next, '\r' | '\n');
    }
    last == '\n' && !before_last.is_whitespace() && next != '/'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segments(text: &str, min_bytes: usize) -> Vec<&str> {
        Segments::new(text, min_bytes).map(|segment| segment.text).collect()
    }

    #[test]
    fn a_segment_ends_before_a_space_or_at_the_beginning_of_a_line() {
        assert_eq!(segments("one two  three", 1), ["one", " two", "  three"]);
        assert_eq!(segments("one\ntwo\n\n/three", 1), ["one\n", "two\n\n/three"]);
        assert_eq!(segments("one two three", 4), ["one two", " three"]);
        assert_eq!(segments("", 1), [""; 0]);
    }

    #[test]
    fn only_a_long_run_is_split_at_an_arbitrary_position() {
        let words = "word ".repeat(MAX_RUN_CHARS);
        let long = "x".repeat(MAX_RUN_CHARS + 1);

        assert_eq!(segments(&words, usize::MAX).len(), 1);
        let lengths: Vec<_> = segments(&long, 1).into_iter().map(str::len).collect();
        assert_eq!(lengths, [MAX_RUN_CHARS, 1]);
        let within_run: Vec<_> =
            Segments::new(&long, 1).map(|segment| segment.ends_within_run).collect();
        assert_eq!(within_run, [true, false]);
    }
}
