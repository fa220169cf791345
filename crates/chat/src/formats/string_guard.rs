//! Rejects JSON with overlong strings while it is read, because the parser collects a complete string in memory
//! before its length can be checked.

use std::io::{self, ErrorKind, Read};

use thiserror::Error;

/// The maximum size of a string in the file, in bytes. A message may have 4 MiB of text, and JSON can encode each
/// byte with six.
pub(super) const MAX_STRING_BYTES: usize = 24 * 1024 * 1024;

/// The error for a file with a longer string.
#[derive(Debug, Error)]
#[error("a text is longer than {} MiB", MAX_STRING_BYTES / (1024 * 1024))]
pub(super) struct StringTooLong;

/// Reads JSON, and fails with [`StringTooLong`] if a string is too long.
pub(super) struct StringGuard<R> {
    json: R,
    /// The size of the current string in bytes. `None` outside of strings.
    string_bytes: Option<usize>,
    is_escaped: bool,
}

impl<R> StringGuard<R> {
    pub(super) fn new(json: R) -> Self {
        Self { json, string_bytes: None, is_escaped: false }
    }

    fn check(&mut self, byte: u8) -> Result<(), StringTooLong> {
        match &mut self.string_bytes {
            None => self.string_bytes = (byte == b'"').then_some(0),
            Some(_) if self.is_escaped => self.is_escaped = false,
            Some(_) if byte == b'"' => self.string_bytes = None,
            Some(bytes) => {
                self.is_escaped = byte == b'\\';
                *bytes += 1;
                if *bytes > MAX_STRING_BYTES {
                    return Err(StringTooLong);
                }
            }
        }
        Ok(())
    }
}

impl<R: Read> Read for StringGuard<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.json.read(buffer)?;
        let read = buffer.get(..length).unwrap_or_default();
        let checked = read.iter().try_for_each(|byte| self.check(*byte));
        checked.map_err(|error| io::Error::new(ErrorKind::InvalidData, error))?;
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: impl Read) -> io::Result<u64> {
        io::copy(&mut StringGuard::new(json), &mut io::sink())
    }

    fn string_of(bytes: usize) -> impl Read {
        let limit = u64::try_from(bytes).unwrap();
        (&b"[\"\\\""[..]).chain(io::repeat(b'x').take(limit - 1)).chain(&b"\",\"\"]"[..])
    }

    #[test]
    fn a_string_of_the_maximum_length_is_read() {
        assert!(read(string_of(MAX_STRING_BYTES)).is_ok());
    }

    #[test]
    fn a_longer_string_is_an_error() {
        let error = read(string_of(MAX_STRING_BYTES + 1)).unwrap_err();

        assert!(error.get_ref().unwrap().is::<StringTooLong>(), "{error}");
    }
}
