//! The events in the body of an answer, with bounds on their size.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::{Bytes, BytesMut};
use encoding_rs::{Decoder, UTF_8};
use futures_util::future::ready;
use futures_util::stream::{self, BoxStream};
use futures_util::{Stream, StreamExt, TryStreamExt};
use sse_stream::{Sse, SseByteStream};
use thiserror::Error;

use super::event_lines::{EventLines, without_mark};
use super::json_documents::JsonDocuments;
use crate::Cause;

/// The maximum size of an event in bytes, so that a broken upstream can't exhaust the memory.
pub(crate) const MAX_EVENT_BYTES: usize = 1024 * 1024;

/// The maximum size of all events in bytes, in addition to [`BYTES_PER_TOKEN`].
const MAX_STREAM_BYTES: usize = 16 * 1024 * 1024;

/// How many more bytes the events may have for each token of the answer. Upstreams that send an event for
/// each token repeat its metadata, mostly some 300 bytes.
const BYTES_PER_TOKEN: usize = 1024;

/// Returns the maximum size in bytes of all events of an answer with this many tokens. It bounds what an
/// upstream can send without any text.
pub(crate) fn max_stream_bytes(reply_tokens: u32) -> usize {
    let tokens = usize::try_from(reply_tokens).unwrap_or(usize::MAX);
    tokens.saturating_mul(BYTES_PER_TOKEN).saturating_add(MAX_STREAM_BYTES)
}

/// Why no more events can be read.
#[derive(Debug, Error)]
pub(crate) enum ReadError {
    #[error("the stream was interrupted")]
    Interrupted(#[source] Cause),
    #[error("an event is larger than {MAX_EVENT_BYTES} bytes")]
    TooLarge,
    #[error("the stream is larger than {0} bytes")]
    StreamTooLarge(usize),
    #[error("the response is a web page")]
    WebPage,
    #[error("the stream is not an event stream")]
    NotAnEventStream(#[source] sse_stream::Error),
}

/// An event of an answer.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Event {
    /// The name, if it has one. Most events have none.
    pub(crate) name: Option<String>,
    pub(crate) data: String,
}

type Events = BoxStream<'static, Result<Event, ReadError>>;
type Body = BoxStream<'static, Result<Bytes, ReadError>>;

/// The number of bytes since the last event.
#[derive(Clone, Default)]
struct PendingBytes(Arc<AtomicUsize>);

impl PendingBytes {
    fn reset(&self) {
        self.0.store(0, Ordering::Relaxed);
    }

    fn add(&self, chunk: Bytes) -> Result<Bytes, ReadError> {
        let before = self.0.fetch_add(chunk.len(), Ordering::Relaxed);
        if before.saturating_add(chunk.len()) > MAX_EVENT_BYTES {
            return Err(ReadError::TooLarge);
        }
        Ok(chunk)
    }
}

/// Returns the events in the body of an answer. Fails after `max_bytes`.
///
/// What the body is depends on its first character, because the header of a response is often wrong: an
/// object or a list begins JSON, whose documents are events without names; a `<` begins a web page; anything
/// else begins server-sent events.
pub(crate) fn events<S, E>(bytes: S, max_bytes: usize) -> Events
where
    S: Stream<Item = Result<Bytes, E>> + Send + 'static,
    E: std::error::Error + Send + Sync + 'static,
{
    let pending = PendingBytes::default();
    let counter = pending.clone();
    let mut all_bytes = 0_usize;
    let mut body: Body = bytes
        .map_err(|error| ReadError::Interrupted(error.into()))
        .and_then(move |chunk| {
            all_bytes = all_bytes.saturating_add(chunk.len());
            let is_too_large = all_bytes > max_bytes;
            let too_large = is_too_large.then_some(Err(ReadError::StreamTooLarge(max_bytes)));
            ready(too_large.unwrap_or_else(|| counter.add(chunk)))
        })
        .boxed();
    let events = async move {
        let head = match read_head(&mut body).await {
            Ok(head) => head,
            Err(error) => return stream::once(ready(Err(error))).boxed(),
        };
        let first = first_character(&head);
        let body = stream::once(ready(Ok(head))).chain(body).boxed();
        match first {
            Some(b'{' | b'[') => json_documents(body, pending),
            Some(b'<') => stream::once(ready(Err(ReadError::WebPage))).boxed(),
            _ => server_sent_events(body, pending),
        }
    };
    stream::once(events).flatten().boxed()
}

/// Reads the body up to its first character, or to its end.
async fn read_head(body: &mut Body) -> Result<Bytes, ReadError> {
    let mut head = BytesMut::new();
    while first_character(&head).is_none()
        && let Some(chunk) = body.next().await
    {
        head.extend_from_slice(&chunk?);
    }
    Ok(head.freeze())
}

/// Returns the first byte that is neither white space nor part of a byte order mark.
fn first_character(bytes: &[u8]) -> Option<u8> {
    const MARK: [u8; 3] = [0xef, 0xbb, 0xbf];
    bytes.iter().copied().find(|byte| !byte.is_ascii_whitespace() && !MARK.contains(byte))
}

fn json_documents(body: Body, pending: PendingBytes) -> Events {
    let mut documents = JsonDocuments::default();
    body.map_ok(move |chunk| stream::iter(documents.push(&chunk)).map(Ok))
        .try_flatten()
        .map_ok(move |data| {
            pending.reset();
            Event { name: None, data }
        })
        .boxed()
}

/// Returns the events by <https://html.spec.whatwg.org/multipage/server-sent-events.html>. Contrary to the
/// standard, the last event needs no blank line after it, because some upstreams omit that.
fn server_sent_events(body: Body, pending: PendingBytes) -> Events {
    let mut decoder = UTF_8.new_decoder_without_bom_handling();
    let mut lines = EventLines::default();
    let chunks = body.map_ok(Some).chain(stream::once(ready(Ok(None))));
    let body = chunks.map_ok(move |chunk| match chunk {
        Some(chunk) => Bytes::from(lines.push(&valid_utf8(&mut decoder, &chunk))),
        None => Bytes::from(lines.finish()),
    });
    SseByteStream::new(body)
        .map_err(read_error)
        .map_ok(move |Sse { event, data, .. }| {
            pending.reset();
            Event { name: event, data: without_mark(&data.unwrap_or_default()).to_owned() }
        })
        .boxed()
}

/// Returns the chunk, except a last character that is not complete yet. Replaces invalid UTF-8 by U+FFFD, as the
/// standard requires.
fn valid_utf8(decoder: &mut Decoder, chunk: &[u8]) -> String {
    let max_len = decoder.max_utf8_buffer_length(chunk.len()).unwrap_or_default();
    let mut text = String::with_capacity(max_len);
    // The capacity is sufficient, so all bytes are read.
    let _ = decoder.decode_to_string(chunk, &mut text, false);
    text
}

/// Unwraps our own errors, which the parser boxes.
fn read_error(error: sse_stream::Error) -> ReadError {
    match error {
        sse_stream::Error::Body(inner) => {
            inner.downcast().map_or_else(ReadError::Interrupted, |error| *error)
        }
        other => ReadError::NotAnEventStream(other),
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
            let mut decoder = UTF_8.new_decoder_without_bom_handling();
            let chunks = bytes.chunks(size);
            let read: String = chunks.map(|chunk| valid_utf8(&mut decoder, chunk)).collect();

            assert_eq!(read, expected, "chunks of {size} bytes");
        }
    }
}
