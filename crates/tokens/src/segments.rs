//! Divides a text into segments that are encoded one after another.

/// The longest run of white space, or of other characters, that is encoded as a whole, in characters. On
/// a million spaces in a row the encoding's regular expression overflows the stack and the encoder
/// panics, and in a long run it may scan the same characters again and again.
pub(crate) const MAX_RUN_CHARS: usize = 4096;

/// A part of a text that is encoded without the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Segment<'a> {
    pub(crate) text: &'a str,
    /// Whether it ends within a run, where the next segment may continue a token.
    pub(crate) ends_within_run: bool,
}

/// Divides a text into segments of at least `min_bytes`, if possible, the last of which is shorter.
///
/// A segment ends where no encoding has a token, so that the segments have the same tokens as the text:
/// before white space other than a line break, and at the beginning of a line. Only a run of more than
/// [`MAX_RUN_CHARS`] is divided in any case.
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

/// Returns the first segment's end, and whether it is within a run.
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

/// Returns whether each encoding ends a token before `next`, whatever the rest of the text is. Punctuation
/// continues with line breaks, and those with slashes.
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
    fn a_segment_ends_before_a_space_or_at_a_line() {
        assert_eq!(segments("one two  three", 1), ["one", " two", "  three"]);
        assert_eq!(segments("one\ntwo\n\n/three", 1), ["one\n", "two\n\n/three"]);
        assert_eq!(segments("one two three", 4), ["one two", " three"]);
        assert_eq!(segments("", 1), [""; 0]);
    }

    #[test]
    fn only_long_runs_are_divided_elsewhere() {
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
