//! Repairs JSON, because a user can't repair a large file by hand: unpaired surrogates, control characters and
//! unescaped quotation marks in strings, unneeded and missing commas, missing brackets, comments, and values
//! such as `NaN`.
//!
//! Nesting below [`MAX_DEPTH`] becomes `null`, and the rest of a string that exceeds [`MAX_STRING_BYTES`] is dropped,
//! because the parser holds a complete string in memory.

use std::collections::VecDeque;

use super::comment::{Comment, Next};
use super::json_lines::JsonLines;
use super::token::{is_json, is_understood};

/// The maximum size of a string in the file, in bytes. A message may have 4 MiB of text, and JSON can encode each
/// byte with six. A longer string is therefore still too long for a message after its rest was dropped.
pub(super) const MAX_STRING_BYTES: usize = 24 * 1024 * 1024;

/// The maximum depth of nested lists and objects.
const MAX_DEPTH: usize = 256;

/// The maximum size of a number or another value that is not a string.
const MAX_TOKEN_BYTES: usize = 64;

/// The maximum number of bytes after a quotation mark that decide whether it ends the string.
const MAX_AFTER_QUOTE: usize = 1024;

/// The JSON escape of U+FFFD.
const REPLACEMENT: &[u8] = b"\\ufffd";

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Between,
    Token,
    String,
    /// After a quotation mark in a string, which ends it unless it was not escaped.
    Quote,
    /// After a backslash in a string.
    Escape,
    /// Within the hexadecimal digits after `\u`.
    Unicode,
    Comment(Comment),
}

pub(super) struct Repairer {
    state: State,
    /// The open brackets.
    stack: Vec<u8>,
    /// The number of open brackets beyond [`MAX_DEPTH`].
    skipped: usize,
    /// The last significant byte outside of strings; `"` after a string, `0` after another value.
    last: Option<u8>,
    has_comma: bool,
    token: Vec<u8>,
    /// The digits of an escape.
    digits: Vec<u8>,
    /// The digits of the first half of a surrogate pair.
    high: Option<Vec<u8>>,
    string_bytes: usize,
    /// What follows a quotation mark in a string, until it is known whether the mark ends the string.
    after_quote: Vec<u8>,
    /// Where the output may be incomplete.
    pub(super) damages: VecDeque<usize>,
    lines: JsonLines,
}

impl Repairer {
    pub(super) fn new() -> Self {
        Self {
            state: State::Between,
            stack: Vec::new(),
            skipped: 0,
            last: None,
            has_comma: false,
            token: Vec::new(),
            digits: Vec::new(),
            high: None,
            string_bytes: 0,
            after_quote: Vec::new(),
            damages: VecDeque::new(),
            lines: JsonLines::default(),
        }
    }

    pub(super) fn is_in_value(&self) -> bool {
        let in_string = [State::String, State::Quote, State::Escape, State::Unicode];
        !self.stack.is_empty() || in_string.contains(&self.state)
    }

    pub(super) fn push_all(&mut self, mut input: &[u8], output: &mut Vec<u8>) {
        while let Some((first, rest)) = input.split_first() {
            if self.state == State::String && self.high.is_none() && !self.lines.is_after_break() {
                let is_special = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..b' ');
                let end = input.iter().position(is_special).unwrap_or(input.len());
                if let Some((plain, rest)) = input.split_at_checked(end).filter(|_| end > 0) {
                    self.push_text(plain, output);
                    input = rest;
                    continue;
                }
            }
            self.push(*first, output);
            input = rest;
        }
    }

    fn push(&mut self, byte: u8, output: &mut Vec<u8>) {
        let is_after_object = self.stack.is_empty() && self.last == Some(b'}');
        if self.lines.begins_value(byte, is_after_object) && self.is_in_value() {
            self.damages.push_back(output.len());
            self.close_all(output);
        }
        match self.state {
            State::Between => self.push_between(byte, output),
            State::Token => match byte {
                b'{' | b'}' | b'[' | b']' | b',' | b':' | b'"' | b'/' | b'#' | 0..=b' ' => {
                    self.end_token(output);
                    self.push_between(byte, output);
                }
                _ if self.token.len() <= MAX_TOKEN_BYTES => self.token.push(byte),
                _ => {}
            },
            State::String => self.push_in_string(byte, output),
            State::Quote => self.push_after_quote(byte, output),
            State::Escape => self.push_escape(byte, output),
            State::Unicode => self.push_digit(byte, output),
            State::Comment(comment) => self.push_in_comment(comment, byte, output),
        }
    }

    /// Ends the value at the top level, although parts of it are missing.
    fn close_all(&mut self, output: &mut Vec<u8>) {
        match self.state {
            State::Between => {}
            State::Comment(_) => self.state = State::Between,
            State::Token => self.end_token(output),
            State::String | State::Quote | State::Escape | State::Unicode => {
                self.end_string(output);
            }
        }
        self.skipped = 0;
        self.complete_member(output);
        self.close_to(0, output);
    }

    fn push_between(&mut self, byte: u8, output: &mut Vec<u8>) {
        match byte {
            b'"' => {
                self.begin_value(output);
                self.emit(b"\"", output);
                self.string_bytes = 0;
                self.state = State::String;
            }
            b'{' | b'[' => self.open(byte, output),
            b'}' => self.close(b'{', output),
            b']' => self.close(b'[', output),
            b',' => {
                self.complete_member(output);
                self.has_comma = !matches!(self.last, None | Some(b'{' | b'['));
            }
            b':' => {
                self.emit(b":", output);
                self.last = Some(b':');
            }
            0..=b' ' => self.emit(b" ", output),
            _ => {
                self.token = vec![byte];
                self.state = Comment::begin(byte).map_or(State::Token, State::Comment);
            }
        }
    }

    fn push_in_comment(&mut self, comment: Comment, byte: u8, output: &mut Vec<u8>) {
        match comment.next(byte) {
            Next::Inside(comment) => self.state = State::Comment(comment),
            Next::End => {
                self.emit(b" ", output);
                self.state = State::Between;
            }
            Next::NoComment => {
                self.state = State::Token;
                self.token = vec![b'/'];
                self.push(byte, output);
            }
        }
    }

    fn open(&mut self, byte: u8, output: &mut Vec<u8>) {
        if self.skipped > 0 {
            self.skipped += 1;
        } else if self.stack.len() == MAX_DEPTH {
            self.begin_value(output);
            self.emit(b"null", output);
            self.last = Some(0);
            self.skipped = 1;
        } else {
            self.begin_value(output);
            self.emit(&[byte], output);
            self.stack.push(byte);
            self.last = Some(byte);
        }
    }

    /// Closes the innermost bracket of this kind, and those within it. Ignores a bracket that closes nothing.
    fn close(&mut self, opening: u8, output: &mut Vec<u8>) {
        if self.skipped > 0 {
            self.skipped -= 1;
            return;
        }
        self.complete_member(output);
        if let Some(depth) = self.stack.iter().rposition(|open| *open == opening) {
            self.close_to(depth, output);
        }
    }

    /// Closes brackets until this number of them is open.
    fn close_to(&mut self, depth: usize, output: &mut Vec<u8>) {
        self.has_comma = false;
        for open in self.stack.split_off(depth).into_iter().rev() {
            let closing = if open == b'{' { b'}' } else { b']' };
            self.emit(&[closing], output);
            self.last = Some(closing);
        }
    }

    /// Writes the comma before a value, unless it is the first one or follows its name.
    fn begin_value(&mut self, output: &mut Vec<u8>) {
        let follows_value = !matches!(self.last, None | Some(b'{' | b'[' | b':'));
        if !self.stack.is_empty() && follows_value {
            self.emit(b",", output);
        } else if follows_value {
            self.emit(b"\n", output);
        }
        self.has_comma = false;
    }

    /// Writes the value of a member that has none.
    fn complete_member(&mut self, output: &mut Vec<u8>) {
        if self.last == Some(b':') {
            self.emit(b"null", output);
            self.last = Some(0);
        }
    }

    fn end_token(&mut self, output: &mut Vec<u8>) {
        let token = std::mem::take(&mut self.token);
        if !is_understood(&token) {
            self.damages.push_back(output.len());
        }
        self.begin_value(output);
        self.emit(if is_json(&token) { &token } else { b"null" }, output);
        self.last = Some(0);
        self.state = State::Between;
    }

    fn push_in_string(&mut self, byte: u8, output: &mut Vec<u8>) {
        if byte == b'\\' {
            self.state = State::Escape;
            return;
        }
        self.flush_high(output);
        match byte {
            b'"' => self.state = State::Quote,
            0..b' ' => self.push_text(format!("\\u{byte:04x}").as_bytes(), output),
            _ => self.push_text(&[byte], output),
        }
    }

    /// Decides whether a quotation mark ends the string: what follows must be possible there. Otherwise the mark was not
    /// escaped, and is a part of the text.
    fn push_after_quote(&mut self, byte: u8, output: &mut Vec<u8>) {
        let has_comma = self.after_quote.contains(&b',');
        let is_name = self.stack.last() == Some(&b'{') && self.last != Some(b':');
        let ends = match byte {
            0..=b' ' if self.after_quote.len() < MAX_AFTER_QUOTE => {
                self.after_quote.push(byte);
                return;
            }
            b',' if !is_name && self.stack.last() == Some(&b'{') && !has_comma => {
                self.after_quote.push(byte);
                return;
            }
            _ if self.after_quote.contains(&b'\n') || self.stack.is_empty() => true,
            // The places of skipped values are not known.
            _ if self.skipped > 0 => true,
            _ if self.after_quote.len() >= MAX_AFTER_QUOTE => true,
            b'"' | b'\'' | b'/' | b'#' | b'}' if has_comma => true,
            b'/' | b'#' => !self.after_quote.is_empty(),
            _ if has_comma => false,
            b':' => is_name,
            b',' | b'}' | b']' => !is_name,
            _ => false,
        };
        if ends {
            self.end_string(output);
            self.push(byte, output);
            return;
        }
        self.state = State::String;
        self.push_text(b"\\\"", output);
        for byte in std::mem::take(&mut self.after_quote) {
            self.push_in_string(byte, output);
        }
        self.push_in_string(byte, output);
    }

    fn end_string(&mut self, output: &mut Vec<u8>) {
        self.flush_high(output);
        self.emit(b"\"", output);
        self.last = Some(b'"');
        self.state = State::Between;
        for byte in std::mem::take(&mut self.after_quote) {
            self.push_between(byte, output);
        }
    }

    fn push_escape(&mut self, byte: u8, output: &mut Vec<u8>) {
        self.state = State::String;
        if byte == b'u' {
            self.digits.clear();
            self.state = State::Unicode;
            return;
        }
        self.flush_high(output);
        match byte {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => {
                self.push_text(&[b'\\', byte], output);
            }
            // The backslash was not escaped.
            _ => {
                self.push_text(b"\\\\", output);
                self.push_in_string(byte, output);
            }
        }
    }

    fn push_digit(&mut self, byte: u8, output: &mut Vec<u8>) {
        if !byte.is_ascii_hexdigit() {
            self.flush_high(output);
            self.state = State::String;
            self.push_text(REPLACEMENT, output);
            self.push_in_string(byte, output);
            return;
        }
        self.digits.push(byte.to_ascii_lowercase());
        if self.digits.len() < 4 {
            return;
        }
        self.state = State::String;
        let digits = std::mem::take(&mut self.digits);
        match digits.as_slice() {
            [b'd', b'8'..=b'b', ..] => {
                self.flush_high(output);
                self.high = Some(digits);
            }
            [b'd', b'c'..=b'f', ..] => match self.high.take() {
                Some(high) => self.push_text(&[b"\\u", &*high, b"\\u", &*digits].concat(), output),
                None => self.push_text(REPLACEMENT, output),
            },
            _ => {
                self.flush_high(output);
                self.push_text(&[b"\\u", &*digits].concat(), output);
            }
        }
    }

    /// Replaces the first half of a surrogate pair that the second half does not follow.
    fn flush_high(&mut self, output: &mut Vec<u8>) {
        if self.high.take().is_some() {
            self.push_text(REPLACEMENT, output);
        }
    }

    /// Writes a part of a string that contains complete characters and escapes.
    fn push_text(&mut self, text: &[u8], output: &mut Vec<u8>) {
        if self.string_bytes <= MAX_STRING_BYTES {
            self.string_bytes += text.len();
            self.emit(text, output);
        }
    }

    fn emit(&self, bytes: &[u8], output: &mut Vec<u8>) {
        if self.skipped == 0 {
            output.extend_from_slice(bytes);
        }
    }

    pub(super) fn finish(&mut self, output: &mut Vec<u8>) {
        match self.state {
            State::Token => self.end_token(output),
            State::Quote => self.end_string(output),
            _ => {}
        }
    }
}
