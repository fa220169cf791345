//! Splits a text into the segments that a search finds: words, and pairs of characters in scripts without spaces.

use std::ops::Range;

use webchat_domain::{is_pictograph, is_searchable};

use super::fold::is_extender;

/// A word with more boundaries between letters and digits is not split: it is a hash, not a name.
const MAX_BOUNDARIES: usize = 5;

/// The maximum length of a word that is split between letters and digits, in bytes.
const MAX_SPLIT_WORD_BYTES: usize = 64;

/// A part of a text that a search can find.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    /// The range of its bytes in the text.
    pub(super) range: Range<usize>,
    pub(super) kind: Kind,
    /// Whether it is a word that follows the previous one directly, or after a single character such as a hyphen.
    pub(super) is_connected: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A word or a number, with the final `+`, `++` or `#` in names such as `C++`. `gpt4` is a word and a number, so that
    /// it is found like `gpt 4` and `gpt-4`.
    Word,
    /// Two adjacent characters of a script without spaces between words. The next pair begins with the second one.
    Pair,
    /// The last character of a run in such a script. It is also the second one of the pair before it, if there is one.
    Last,
    /// A pictograph, such as an emoji.
    Pictograph,
}

/// Iterates over the segments of a text.
pub(super) struct Segments<'a> {
    text: &'a str,
    /// The position after the last segment.
    end: usize,
    /// The range of the character that begins the next pair.
    unspaced: Option<Range<usize>>,
    /// The range of the rest of the word that the last segment belongs to.
    rest_of_word: Range<usize>,
    follows_word: bool,
}

impl<'a> Segments<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        Self { text, end: 0, unspaced: None, rest_of_word: 0..0, follows_word: false }
    }

    fn segment(&mut self, range: Range<usize>, kind: Kind) -> Segment {
        let is_connected = kind == Kind::Word && self.follows_word && self.connects(range.start);
        self.follows_word = kind == Kind::Word;
        self.end = range.end;
        Segment { range, kind, is_connected }
    }

    /// Returns the next word or number of `rest_of_word`.
    fn word_or_number(&mut self) -> Segment {
        let Range { start, end } = self.rest_of_word.clone();
        let text = self.text.get(start..end).unwrap_or_default();
        let boundary = boundaries(text).next().map_or(end, |length| start + length);
        self.rest_of_word = boundary..end;
        self.segment(start..boundary, Kind::Word)
    }

    /// Returns the range of the character at this position with its marks, if its script is written without spaces.
    fn unspaced_at(&self, start: usize) -> Option<Range<usize>> {
        let rest = self.text.get(start..)?;
        let first = rest.chars().next().filter(|c| is_unspaced(*c))?;
        let marks = rest.get(first.len_utf8()..)?;
        Some(start..start + first.len_utf8() + length_while(marks, is_extender))
    }

    /// Whether one character connects the previous word with the one at this position.
    fn connects(&self, start: usize) -> bool {
        let between = self.text.get(self.end..start).unwrap_or_default();
        match between {
            "" | "-" | "_" | "." | "'" | "’" | "‐" | "‑" | "·" => true,
            "," => {
                let before = self.text.get(..self.end).and_then(|text| text.chars().next_back());
                let after = self.text.get(start..).and_then(|text| text.chars().next());
                before.is_some_and(|c| c.is_ascii_digit())
                    && after.is_some_and(|c| c.is_ascii_digit())
            }
            _ => false,
        }
    }
}

impl Iterator for Segments<'_> {
    type Item = Segment;

    fn next(&mut self) -> Option<Segment> {
        if let Some(current) = self.unspaced.take() {
            let Some(next) = self.unspaced_at(current.end) else {
                return Some(self.segment(current, Kind::Last));
            };
            self.unspaced = Some(next.clone());
            return Some(self.segment(current.start..next.end, Kind::Pair));
        }
        if !self.rest_of_word.is_empty() {
            return Some(self.word_or_number());
        }
        let start = self.end + self.text.get(self.end..)?.find(is_searchable)?;
        self.unspaced = self.unspaced_at(start);
        if self.unspaced.is_some() {
            return self.next();
        }
        let rest = self.text.get(start..)?;
        let first = rest.chars().next()?;
        if is_pictograph(first) {
            let marks = rest.get(first.len_utf8()..)?;
            let length = first.len_utf8() + length_while(marks, is_extender);
            return Some(self.segment(start..start + length, Kind::Pictograph));
        }
        let word = length_while(rest, is_in_word);
        let length = word + suffix_length(rest.get(word..)?);
        let word = rest.get(..word)?;
        let is_split = word.len() <= MAX_SPLIT_WORD_BYTES
            // Most words have no digit. Searching for boundaries takes longer.
            && word.contains(char::is_numeric)
            && boundaries(word).nth(MAX_BOUNDARIES).is_none();
        if !is_split {
            return Some(self.segment(start..start + length, Kind::Word));
        }
        self.rest_of_word = start..start + length;
        Some(self.word_or_number())
    }
}

/// Returns the positions at which a number begins or ends within a word.
fn boundaries(word: &str) -> impl Iterator<Item = usize> {
    let mut was_digit = None;
    let main = word.char_indices().filter(|(_, c)| !is_extender(*c));
    main.filter_map(move |(at, c)| {
        let is_digit = c.is_numeric() && !c.is_alphabetic();
        let is_boundary = c.is_alphanumeric() && was_digit.replace(is_digit) == Some(!is_digit);
        is_boundary.then_some(at)
    })
}

fn length_while(text: &str, is_included: impl Fn(char) -> bool) -> usize {
    text.find(|c| !is_included(c)).unwrap_or(text.len())
}

fn is_in_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || is_extender(c) || (c.is_alphanumeric() && !is_unspaced(c))
}

/// Returns the length of the symbols at the end of names such as `C++` and `F#`.
fn suffix_length(after: &str) -> usize {
    let symbols = length_while(after, |c| matches!(c, '+' | '#'));
    let next = after.get(symbols..).and_then(|rest| rest.chars().next());
    let is_end = !next.is_some_and(is_searchable);
    // `C++17` is a name and a number, but `1+1` and `a+1` are sums.
    let precedes_number = next.is_some_and(char::is_numeric);
    match after.get(..symbols) {
        Some("++" | "#") if is_end || precedes_number => symbols,
        Some("+") if is_end => symbols,
        _ => 0,
    }
}

/// Whether the character is of a script that is usually written without spaces between words, or, like Korean, with
/// endings that are part of the word.
fn is_unspaced(c: char) -> bool {
    !c.is_ascii()
        && c.is_alphanumeric()
        && matches!(c,
            // Thai and Lao without their digits, Tibetan, Myanmar
            '\u{E01}'..='\u{E4F}' | '\u{E80}'..='\u{ECF}' | '\u{EDC}'..='\u{EDF}'
            | '\u{F40}'..='\u{FFF}' | '\u{1000}'..='\u{103F}' | '\u{1050}'..='\u{109F}'
            // Hangul letters, Khmer, Hangul syllables
            | '\u{1100}'..='\u{11FF}' | '\u{1780}'..='\u{17DD}' | '\u{A960}'..='\u{A97F}'
            | '\u{AC00}'..='\u{D7FF}'
            // Kana, Bopomofo, Hangul letters and Han, including their compatibility forms
            | '\u{3005}'..='\u{33FF}' | '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{A4CF}'
            | '\u{F900}'..='\u{FAFF}' | '\u{FF66}'..='\u{FFDC}' | '\u{1B000}'..='\u{1B16F}'
            | '\u{20000}'..='\u{3FFFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segments(text: &str) -> Vec<&str> {
        Segments::of(text).map(|segment| text.get(segment.range).unwrap()).collect()
    }

    #[test]
    fn words_are_separated_by_everything_else() {
        assert_eq!(segments("call my_helper(x);"), ["call", "my", "helper", "x"]);
        assert_eq!(segments("an Äpfel-Kuchen"), ["an", "Äpfel", "Kuchen"]);
        assert_eq!(
            segments("co\u{AD}operation zero\u{200B}width"),
            ["co\u{AD}operation", "zero\u{200B}width"]
        );
        assert_eq!(segments("C++, C#; 1+1"), ["C++", "C#", "1", "1"]);
        assert_eq!(segments("C++17 F#8 a+1"), ["C++", "17", "F#", "8", "a", "1"]);
        assert_eq!(segments("ok 🎉👍🏽!"), ["ok", "🎉", "👍🏽"]);
    }

    #[test]
    fn scripts_without_spaces_give_pairs() {
        assert_eq!(segments("東京タ"), ["東京", "京タ", "タ"]);
        assert_eq!(segments("请重跑gen脚本"), ["请重", "重跑", "跑", "gen", "脚本", "本"]);
        assert_eq!(segments("ที่ดี"), ["ที่ดี", "ดี"]);
        assert_eq!(segments("水"), ["水"]);
        assert_eq!(segments("ﾊﾟﾝ"), ["ﾊﾟﾝ", "ﾝ"]);
    }

    #[test]
    fn words_are_connected_by_a_single_punctuation_mark() {
        let connected = |text: &str| -> Vec<bool> {
            Segments::of(text).map(|segment| segment.is_connected).collect()
        };

        assert_eq!(connected("state-of-the art"), [false, true, true, false]);
        assert_eq!(connected("a - b, 1,000 a,b"), [false, false, false, true, false, false]);
    }
}
