//! Reads a multipart body (RFC 2046, section 5.1) as a stream. `actix-multipart` relies on the lengths that some
//! clients declare in parts, which RFC 7578 tells servers to ignore, and rejects parts with names that are not UTF-8.

use std::pin::Pin;

use actix_web::error::PayloadError;
use actix_web::web::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt};
use memchr::memmem;
use thiserror::Error;

use super::parameters::Parameters;

/// The media type of a form.
pub(crate) const FORM: &str = "multipart/form-data";

/// The maximum size of the headers of a part, and of the end of a boundary line, in bytes.
const MAX_PART_HEADER_BYTES: usize = 16 * 1024;

/// The maximum length of a boundary, in bytes. RFC 2046 allows 70.
const MAX_BOUNDARY_BYTES: usize = 256;

/// The reason why a form can't be read.
#[derive(Debug, Error)]
pub(crate) enum MultipartError {
    /// The `Content-Type` is not `multipart/form-data`.
    #[error("the body is not a form")]
    NotAForm,
    /// The `Content-Type` has no boundary.
    #[error("`Content-Type` has no valid `boundary`")]
    NoBoundary,
    /// The body ends before the last boundary.
    #[error("it is incomplete: the last boundary is missing")]
    Incomplete,
    /// A line begins like a boundary, but continues differently.
    #[error("a line with the boundary is malformed")]
    MalformedBoundary,
    /// The headers of a part are too large.
    #[error("the headers of a part are too large")]
    HeadersTooLarge,
    /// A header of a part has no colon.
    #[error("a header of a part is malformed")]
    MalformedHeader,
    /// The body can't be received.
    #[error(transparent)]
    Payload(#[from] PayloadError),
}

/// A multipart body.
pub(crate) struct Multipart {
    body: Pin<Box<dyn Stream<Item = Result<Bytes, PayloadError>>>>,
    /// What begins the end of a part: a line break and the boundary. Lines may end with LF alone.
    delimiter: Vec<u8>,
    /// The received bytes that have not been returned yet.
    buffer: BytesMut,
    has_ended: bool,
}

/// The headers of a part.
pub(crate) struct PartHeaders(Vec<(String, Vec<u8>)>);

impl Multipart {
    /// Creates a reader for a body with this `Content-Type`.
    ///
    /// # Errors
    /// [`MultipartError::NotAForm`] or [`MultipartError::NoBoundary`].
    pub(crate) fn new(
        content_type: &[u8],
        body: impl Stream<Item = Result<Bytes, PayloadError>> + 'static,
    ) -> Result<Self, MultipartError> {
        let content_type = Parameters::parse(content_type);
        if content_type.kind != FORM {
            return Err(MultipartError::NotAForm);
        }
        let boundary = content_type.get("boundary");
        let is_valid = |boundary: &&[u8]| (1..=MAX_BOUNDARY_BYTES).contains(&boundary.len());
        let boundary = boundary.filter(is_valid).ok_or(MultipartError::NoBoundary)?;
        Ok(Self {
            body: Box::pin(body),
            delimiter: [b"\n--", boundary].concat(),
            // The first boundary needs no line break.
            buffer: BytesMut::from(b"\n".as_slice()),
            has_ended: false,
        })
    }

    /// Skips the rest of the current part. Returns the headers of the next one, or `None` after the last one. Text
    /// before the first part and after the last one is ignored.
    pub(crate) async fn next_part(&mut self) -> Result<Option<PartHeaders>, MultipartError> {
        if self.has_ended {
            return Ok(None);
        }
        while self.next_chunk().await?.is_some() {}
        let end = self.delimiter_start().map_or(0, |start| start + self.delimiter.len());
        let _delimiter = self.buffer.split_to(end);
        while self.buffer.len() < 2 {
            if !self.receive().await? {
                return Err(MultipartError::Incomplete);
            }
        }
        if self.buffer.starts_with(b"--") {
            self.has_ended = true;
            return Ok(None);
        }
        let mut remaining = MAX_PART_HEADER_BYTES;
        if !self.next_line(&mut remaining).await?.trim_ascii().is_empty() {
            return Err(MultipartError::MalformedBoundary);
        }
        let mut headers = PartHeaders(Vec::new());
        loop {
            let line = self.next_line(&mut remaining).await?;
            if line.is_empty() {
                return Ok(Some(headers));
            }
            headers.add(&line)?;
        }
    }

    /// Returns the next bytes of the current part, or `None` at its end.
    pub(crate) async fn next_chunk(&mut self) -> Result<Option<Bytes>, MultipartError> {
        loop {
            let (length, has_end) = match self.delimiter_start() {
                Some(start) => (self.without_carriage_return(start), true),
                // The rest may begin the delimiter, with a CR before it.
                None => (self.buffer.len().saturating_sub(self.delimiter.len()), false),
            };
            if length > 0 {
                return Ok(Some(self.buffer.split_to(length).freeze()));
            }
            if has_end {
                return Ok(None);
            }
            if !self.receive().await? {
                return Err(MultipartError::Incomplete);
            }
        }
    }

    fn delimiter_start(&self) -> Option<usize> {
        memmem::find(&self.buffer, &self.delimiter)
    }

    fn without_carriage_return(&self, end: usize) -> usize {
        let before = self.buffer.get(..end).unwrap_or_default();
        before.strip_suffix(b"\r").unwrap_or(before).len()
    }

    /// Returns the next line without its line break.
    async fn next_line(&mut self, remaining: &mut usize) -> Result<Bytes, MultipartError> {
        let end = loop {
            let end = memchr::memchr(b'\n', &self.buffer);
            if end.unwrap_or(self.buffer.len()) >= *remaining {
                return Err(MultipartError::HeadersTooLarge);
            }
            if let Some(end) = end {
                break end;
            }
            if !self.receive().await? {
                return Err(MultipartError::Incomplete);
            }
        };
        *remaining -= end;
        let mut line = self.buffer.split_to(end + 1).freeze();
        line.truncate(end);
        line.truncate(line.strip_suffix(b"\r").map_or(end, <[u8]>::len));
        Ok(line)
    }

    /// Receives more bytes. Returns whether there are any.
    async fn receive(&mut self) -> Result<bool, MultipartError> {
        let chunk = self.body.next().await.transpose()?;
        self.buffer.extend_from_slice(chunk.as_deref().unwrap_or_default());
        Ok(chunk.is_some())
    }
}

impl PartHeaders {
    /// Returns the value of the first header with this name, which must be in lower case.
    pub(crate) fn get(&self, name: &str) -> Option<&[u8]> {
        let found = self.0.iter().find(|(other, _)| other == name);
        found.map(|(_, value)| value.as_slice())
    }

    /// Adds a line. One that begins with white space continues the header before it.
    fn add(&mut self, line: &[u8]) -> Result<(), MultipartError> {
        if line.starts_with(b" ") || line.starts_with(b"\t") {
            let (_, value) = self.0.last_mut().ok_or(MultipartError::MalformedHeader)?;
            value.push(b' ');
            value.extend_from_slice(line.trim_ascii());
            return Ok(());
        }
        let colon = memchr::memchr(b':', line).ok_or(MultipartError::MalformedHeader)?;
        let (name, value) = line.split_at(colon);
        let name = String::from_utf8_lossy(name.trim_ascii()).to_ascii_lowercase();
        let value = value.strip_prefix(b":").unwrap_or(value).trim_ascii();
        self.0.push((name, value.to_vec()));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;

    /// Reads all parts of a body that arrives in chunks of `size` bytes: the header `a`, and the content.
    async fn read(
        content_type: &str,
        body: &[u8],
        size: usize,
    ) -> Result<Vec<(String, String)>, MultipartError> {
        let chunks: Vec<_> =
            body.chunks(size).map(|chunk| Ok(Bytes::copy_from_slice(chunk))).collect();
        let mut form = Multipart::new(content_type.as_bytes(), stream::iter(chunks))?;
        let mut parts = Vec::new();
        while let Some(headers) = form.next_part().await? {
            let mut content = Vec::new();
            while let Some(chunk) = form.next_chunk().await? {
                content.extend_from_slice(&chunk);
            }
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            parts.push((text(headers.get("a").unwrap_or_default()), text(&content)));
        }
        Ok(parts)
    }

    async fn read_at_all_sizes(body: &[u8]) -> Vec<(String, String)> {
        let expected = read("multipart/form-data; boundary=b", body, body.len()).await.unwrap();
        for size in 1..body.len() {
            let parts = read("multipart/form-data; boundary=b", body, size).await.unwrap();
            assert_eq!(parts, expected, "chunks of {size} bytes");
        }
        expected
    }

    fn parts(expected: &[(&str, &str)]) -> Vec<(String, String)> {
        expected
            .iter()
            .map(|(header, content)| ((*header).to_owned(), (*content).to_owned()))
            .collect()
    }

    #[tokio::test]
    async fn all_forms_that_the_standards_allow_are_read() {
        for (body, expected) in [
            (b"--b\r\nA: 1\r\n\r\nx\r\n--b--\r\n".as_slice(), [("1", "x")].as_slice()),
            (b"--b\r\nA: 1\r\n\r\nx\r\n--b\r\n\r\n\r\n--b--", &[("1", "x"), ("", "")]),
            (b"before\r\n\r\n--b \t\r\na:1\r\n\r\nx\r\n--b-- \r\nafter\r\n--b\r\n", &[("1", "x")]),
            (b"\r\n--b\r\nA: 1\r\n 2\r\n\t3\r\n\r\nx\r\n--b--", &[("1 2 3", "x")]),
            (b"--b\nA: 1\n\nx\ny\n--b--\n", &[("1", "x\ny")]),
            (b"--b\r\nContent-Length: 1\r\n\r\nlong\r\n--b--", &[("", "long")]),
            (b"--b\r\n\r\n\r\n-\r\n--\r\n--a\r\r\n\r\n--b--", &[("", "\r\n-\r\n--\r\n--a\r\r\n")]),
            (b"--b--", &[]),
        ] {
            assert_eq!(read_at_all_sizes(body).await, parts(expected), "{}", body.escape_ascii());
        }
    }

    #[tokio::test]
    async fn boundaries_may_have_any_characters() {
        for (content_type, boundary) in [
            ("multipart/form-data; boundary=\"b\"", "b"),
            ("Multipart/Form-Data;Boundary=b;", "b"),
            ("multipart/form-data; charset=utf-8; boundary=----=_Part_0_1.2", "----=_Part_0_1.2"),
            (
                "multipart/form-data; boundary=\"a'b(c)d+e_f,g-h./i:j=?k l\"",
                "a'b(c)d+e_f,g-h./i:j=?k l",
            ),
            ("multipart/form-data, boundary=b", "b"),
        ] {
            let body = format!("--{boundary}\r\n\r\nx\r\n--{boundary}--");
            let read = read(content_type, body.as_bytes(), 7).await.unwrap();
            assert_eq!(read, parts(&[("", "x")]), "{content_type}");
        }
    }

    #[tokio::test]
    async fn invalid_forms_are_rejected() {
        let long = format!("--b\r\nA: {}\r\n\r\nx\r\n--b--", "x".repeat(MAX_PART_HEADER_BYTES));
        for (body, expected) in [
            (b"".as_slice(), "incomplete"),
            (b"x", "incomplete"),
            (b"--b\r\n\r\nx", "incomplete"),
            (b"--b\r\n\r\nx\r\n--b\r\n", "incomplete"),
            (b"--b\r\n\r\nx\r\n--b-", "incomplete"),
            (b"--b\r\n\r\nx\r\n--b-\r\n", "malformed"),
            (b"--bx\r\n\r\nx\r\n--b--", "malformed"),
            (b"--b\r\nA\r\n\r\nx\r\n--b--", "malformed"),
            (b"--b\r\n A: 1\r\n\r\nx\r\n--b--", "malformed"),
            (long.as_bytes(), "too large"),
        ] {
            let error = read("multipart/form-data; boundary=b", body, 5).await.unwrap_err();
            assert!(error.to_string().contains(expected), "{error}: {}", body.escape_ascii());
        }
        for content_type in
            ["multipart/form-data", "multipart/form-data; boundary=", "text/plain; boundary=b"]
        {
            assert!(read(content_type, b"--b--", 5).await.is_err(), "{content_type}");
        }
    }
}
