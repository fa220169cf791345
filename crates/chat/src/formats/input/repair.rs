//! Repairs JSON while it is read, because a user can't repair a large file by hand: halves of surrogate pairs, control
//! characters in strings, unneeded and missing commas, missing brackets, and values such as `NaN`.
//!
//! Nesting below [`MAX_DEPTH`] becomes `null`, and the rest of a string that exceeds [`MAX_STRING_BYTES`] is dropped,
//! because the parser holds a complete string in memory.

use std::io::{self, BufRead, Read, Write};

use super::decoder::TextDecoder;

/// The maximum size of a string in the file, in bytes. A message may have 4 MiB of text, and JSON can encode each
/// byte with six. A longer string is therefore still too long for a message after its rest was dropped.
pub(super) const MAX_STRING_BYTES: usize = 24 * 1024 * 1024;

/// The maximum depth of nested lists and objects.
const MAX_DEPTH: usize = 256;

/// The maximum size of a number or another value that is not a string.
const MAX_TOKEN_BYTES: usize = 64;

/// The JSON escape of U+FFFD.
const REPLACEMENT: &[u8] = b"\\ufffd";

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Between,
    Token,
    String,
    /// After a backslash in a string.
    Escape,
    /// Within the hexadecimal digits after `\u`.
    Unicode,
}

/// Reads the repaired text of a file.
pub(super) struct JsonRepair<R> {
    source: TextDecoder<R>,
    output: Vec<u8>,
    /// The number of bytes of `output` that were read.
    consumed: usize,
    repairer: Repairer,
    is_at_end: bool,
    lines: u64,
}

struct Repairer {
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
}

impl<R: Read> JsonRepair<R> {
    pub(super) fn new(source: R) -> Self {
        Self {
            source: TextDecoder::new(source),
            output: Vec::new(),
            consumed: 0,
            repairer: Repairer::new(),
            is_at_end: false,
            lines: 1,
        }
    }

    /// Returns the number of lines that were read so far.
    pub(super) fn line_count(&self) -> u64 {
        self.lines
    }

    /// Returns whether the file ended within a value.
    pub(super) fn is_broken_off(&self) -> bool {
        self.is_at_end && self.repairer.is_in_value()
    }

    fn refill(&mut self) -> io::Result<()> {
        while self.consumed >= self.output.len() && !self.is_at_end {
            self.consumed = 0;
            self.output.clear();
            let chunk = self.source.next_chunk()?;
            if chunk.is_empty() {
                self.is_at_end = true;
                self.repairer.finish(&mut self.output);
            }
            let breaks = chunk.split(|byte| *byte == b'\n').skip(1).count();
            self.lines += u64::try_from(breaks).unwrap_or_default();
            self.repairer.push_all(chunk, &mut self.output);
        }
        Ok(())
    }
}

impl<R: Read> Read for JsonRepair<R> {
    fn read(&mut self, mut buffer: &mut [u8]) -> io::Result<usize> {
        let bytes = buffer.write(self.fill_buf()?)?;
        self.consume(bytes);
        Ok(bytes)
    }
}

impl<R: Read> BufRead for JsonRepair<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.refill()?;
        Ok(self.output.get(self.consumed..).unwrap_or_default())
    }

    fn consume(&mut self, bytes: usize) {
        self.consumed += bytes;
    }
}

impl Repairer {
    fn new() -> Self {
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
        }
    }

    fn is_in_value(&self) -> bool {
        !self.stack.is_empty() || !matches!(self.state, State::Between | State::Token)
    }

    fn push_all(&mut self, mut input: &[u8], output: &mut Vec<u8>) {
        while let Some((first, rest)) = input.split_first() {
            if self.state == State::String && self.high.is_none() {
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
        match self.state {
            State::Between => self.push_between(byte, output),
            State::Token => match byte {
                b'{' | b'}' | b'[' | b']' | b',' | b':' | b'"' | 0..=b' ' => {
                    self.end_token(output);
                    self.push_between(byte, output);
                }
                _ if self.token.len() <= MAX_TOKEN_BYTES => self.token.push(byte),
                _ => {}
            },
            State::String => self.push_in_string(byte, output),
            State::Escape => self.push_escape(byte, output),
            State::Unicode => self.push_digit(byte, output),
        }
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
                self.token.clear();
                self.token.push(byte);
                self.state = State::Token;
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
        if !self.stack.contains(&opening) {
            return;
        }
        self.has_comma = false;
        while let Some(open) = self.stack.pop() {
            let closing = if open == b'{' { b'}' } else { b']' };
            self.emit(&[closing], output);
            self.last = Some(closing);
            if open == opening {
                return;
            }
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
        let is_json = match token.as_slice() {
            b"true" | b"false" | b"null" => true,
            token => serde_json::from_slice::<serde_json::Number>(token).is_ok(),
        };
        self.begin_value(output);
        self.emit(if is_json { &token } else { b"null" }, output);
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
            b'"' => {
                self.emit(b"\"", output);
                self.last = Some(b'"');
                self.state = State::Between;
            }
            0..b' ' => self.push_text(format!("\\u{byte:04x}").as_bytes(), output),
            _ => self.push_text(&[byte], output),
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

    fn finish(&mut self, output: &mut Vec<u8>) {
        if self.state == State::Token {
            self.end_token(output);
        }
    }
}

#[cfg(test)]
mod tests;
