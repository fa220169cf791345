//! Makes a stream of bytes valid UTF-8.

use bytes::{Bytes, BytesMut};

/// Replaces invalid UTF-8 by U+FFFD, as the standard of server-sent events requires. A character that is
/// divided between two chunks is valid.
#[derive(Debug, Default)]
pub(crate) struct ValidUtf8 {
    /// The beginning of a character, whose end has not come yet.
    incomplete: BytesMut,
}

impl ValidUtf8 {
    /// Returns the chunk, except a last character that is not complete yet.
    pub(crate) fn push(&mut self, chunk: Bytes) -> Bytes {
        if self.incomplete.is_empty() && str::from_utf8(&chunk).is_ok() {
            return chunk;
        }
        self.incomplete.extend_from_slice(&chunk);
        let bytes = self.incomplete.split();
        let mut valid = BytesMut::with_capacity(bytes.len());
        let mut rest = bytes.as_ref();
        while let Err(error) = str::from_utf8(rest) {
            let (before, after) = rest.split_at(error.valid_up_to());
            valid.extend_from_slice(before);
            let Some(length) = error.error_len() else {
                self.incomplete.extend_from_slice(after);
                return valid.freeze();
            };
            valid.extend_from_slice("\u{fffd}".as_bytes());
            rest = after.get(length..).unwrap_or_default();
        }
        valid.extend_from_slice(rest);
        valid.freeze()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_bytes_that_are_no_character_are_replaced_however_they_are_divided() {
        let bytes = b"a\xff\xf0\x9f\x98\x80\xf0\x9f\xc3\xbc\xed\xa0\xbdz";
        let expected = String::from_utf8_lossy(bytes);

        for size in 1..=bytes.len() {
            let mut valid = ValidUtf8::default();
            let chunks = bytes.chunks(size).map(Bytes::copy_from_slice);
            let read: Vec<u8> = chunks.flat_map(|chunk| valid.push(chunk)).collect();

            assert_eq!(String::from_utf8(read).unwrap(), expected, "chunks of {size} bytes");
        }
    }
}
