//! Decodes a file to UTF-8.

use std::io::{self, Read};

use encoding_rs::{Decoder, Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

/// The number of bytes that are read at a time.
const CHUNK_BYTES: usize = 32 * 1024;

/// The maximum length of a character in UTF-8, in bytes.
const MAX_CHAR_BYTES: usize = 4;

pub(super) struct TextDecoder<R> {
    source: R,
    /// The decoder of UTF-16. `None` for UTF-8, and before the first bytes are read.
    utf16: Option<Decoder>,
    has_begun: bool,
    /// The bytes that are not decoded yet.
    input: Vec<u8>,
    output: String,
    is_at_end: bool,
}

impl<R: Read> TextDecoder<R> {
    pub(super) fn new(source: R) -> Self {
        Self {
            source,
            utf16: None,
            has_begun: false,
            input: Vec::new(),
            output: String::new(),
            is_at_end: false,
        }
    }

    /// Returns the next part of the text. It is empty only at the end.
    pub(super) fn next_chunk(&mut self) -> io::Result<&[u8]> {
        self.output.clear();
        while self.output.is_empty() && !self.is_at_end {
            let limit = u64::try_from(CHUNK_BYTES).unwrap_or(u64::MAX);
            let read = (&mut self.source).take(limit).read_to_end(&mut self.input)?;
            self.is_at_end = read == 0;
            if !std::mem::replace(&mut self.has_begun, true) {
                self.begin();
            }
            match &mut self.utf16 {
                Some(decoder) => {
                    let bytes =
                        decoder.max_utf8_buffer_length(self.input.len()).unwrap_or_default();
                    self.output.reserve(bytes);
                    let _ = decoder.decode_to_string(&self.input, &mut self.output, self.is_at_end);
                    self.input.clear();
                }
                None => self.decode_utf8(),
            }
        }
        Ok(self.output.as_bytes())
    }

    /// Detects the encoding by the byte order mark, or by the first character, which is ASCII in JSON.
    fn begin(&mut self) {
        let encoding = match (Encoding::for_bom(&self.input), self.input.as_slice()) {
            (Some((encoding, length)), _) => {
                self.input.drain(..length);
                encoding
            }
            (None, [first, 0, ..]) if *first > 0 => UTF_16LE,
            (None, [0, second, ..]) if *second > 0 => UTF_16BE,
            _ => UTF_8,
        };
        self.utf16 = (encoding != UTF_8).then(|| encoding.new_decoder_without_bom_handling());
    }

    /// Decodes UTF-8. Other bytes are decoded as Windows-1252, because editors on Windows save files in this encoding.
    fn decode_utf8(&mut self) {
        let mut rest = Vec::new();
        let mut chunks = self.input.utf8_chunks().peekable();
        while let Some(chunk) = chunks.next() {
            self.output.push_str(chunk.valid());
            let invalid = chunk.invalid();
            let may_continue = chunks.peek().is_none() && !self.is_at_end;
            if may_continue && invalid.len() < MAX_CHAR_BYTES && is_incomplete(invalid) {
                rest = invalid.to_vec();
            } else {
                self.output.push_str(&WINDOWS_1252.decode_without_bom_handling(invalid).0);
            }
        }
        self.input = rest;
    }
}

/// Whether the bytes are the beginning of a character whose end may follow.
fn is_incomplete(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_err_and(|error| error.error_len().is_none())
}
