//! Server-sent events, with bounds on their size.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use futures_util::future::ready;
use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use sse_stream::SseByteStream;
use thiserror::Error;

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
    #[error("the stream is not an event stream")]
    NotAnEventStream(#[source] sse_stream::Error),
}

/// Returns the `data` of the events in `bytes`, by
/// <https://html.spec.whatwg.org/multipage/server-sent-events.html>. Contrary to the standard, the last
/// event needs no blank line after it, because some upstreams omit that. Fails after `max_bytes`.
pub(crate) fn events<S, E>(
    bytes: S,
    max_bytes: usize,
) -> impl Stream<Item = Result<String, ReadError>>
where
    S: Stream<Item = Result<Bytes, E>>,
    E: std::error::Error + Send + Sync + 'static,
{
    let pending_bytes = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&pending_bytes);
    let mut all_bytes = 0_usize;
    let bounded = bytes
        .map_err(|error| ReadError::Interrupted(error.into()))
        .and_then(move |chunk| {
            all_bytes = all_bytes.saturating_add(chunk.len());
            let is_too_large = all_bytes > max_bytes;
            let too_large = is_too_large.then_some(Err(ReadError::StreamTooLarge(max_bytes)));
            ready(too_large.unwrap_or_else(|| check_size(&counter, chunk)))
        })
        .chain(stream::once(ready(Ok(Bytes::from_static(b"\n\n")))));
    SseByteStream::new(bounded).map_err(read_error).try_filter_map(move |event| {
        pending_bytes.store(0, Ordering::Relaxed);
        ready(Ok(event.data))
    })
}

fn check_size(pending_bytes: &AtomicUsize, chunk: Bytes) -> Result<Bytes, ReadError> {
    let before = pending_bytes.fetch_add(chunk.len(), Ordering::Relaxed);
    if before.saturating_add(chunk.len()) > MAX_EVENT_BYTES {
        return Err(ReadError::TooLarge);
    }
    Ok(chunk)
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
