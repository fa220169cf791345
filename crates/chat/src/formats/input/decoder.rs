//! Decodes a file to UTF-8. Invalid bytes become U+FFFD.

use std::io::{self, Read};

use encoding_rs::{CoderResult, Decoder, Encoding, UTF_8, UTF_16BE, UTF_16LE};

/// The number of bytes that are read at a time.
const CHUNK_BYTES: usize = 32 * 1024;

pub(super) struct TextDecoder<R> {
    source: R,
    decoder: Option<Decoder>,
    input: Vec<u8>,
    output: Vec<u8>,
    is_at_end: bool,
}

impl<R: Read> TextDecoder<R> {
    pub(super) fn new(source: R) -> Self {
        Self {
            source,
            decoder: None,
            input: Vec::new(),
            output: vec![0; 3 * CHUNK_BYTES + 16],
            is_at_end: false,
        }
    }

    /// Returns the next part of the text. It is empty only at the end.
    pub(super) fn next_chunk(&mut self) -> io::Result<&[u8]> {
        let mut written = 0;
        while written == 0 && !self.is_at_end {
            self.input.clear();
            let limit = u64::try_from(CHUNK_BYTES).unwrap_or(u64::MAX);
            let read = (&mut self.source).take(limit).read_to_end(&mut self.input)?;
            self.is_at_end = read == 0;
            let encoding = encoding_of(&self.input);
            let decoder = self.decoder.get_or_insert_with(|| encoding.new_decoder());
            let (result, _, bytes, _) =
                decoder.decode_to_utf8(&self.input, &mut self.output, self.is_at_end);
            if result == CoderResult::OutputFull {
                return Err(io::Error::other("the decoded text is longer than expected"));
            }
            written = bytes;
        }
        Ok(self.output.get(..written).unwrap_or_default())
    }
}

/// Detects the encoding by the byte order mark, or by the first character, which is ASCII in JSON.
fn encoding_of(beginning: &[u8]) -> &'static Encoding {
    match (Encoding::for_bom(beginning), beginning) {
        (Some((encoding, _)), _) => encoding,
        (None, [first, 0, ..]) if *first > 0 => UTF_16LE,
        (None, [0, second, ..]) if *second > 0 => UTF_16BE,
        _ => UTF_8,
    }
}
