use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use futures_util::future::ready;
use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use sse_stream::SseByteStream;
use thiserror::Error;

use crate::Cause;

/// An event is refused when more bytes than this pass without one: a broken upstream must not fill
/// the memory.
pub(crate) const LARGEST_EVENT: usize = 1024 * 1024;

/// Why there are no more events.
#[derive(Debug, Error)]
pub(crate) enum ReadError {
    #[error("the stream broke off")]
    Broken(#[source] Cause),
    #[error("{LARGEST_EVENT} bytes came without a whole event")]
    TooLarge,
    #[error("the stream has no events")]
    NoEvents(#[source] sse_stream::Error),
}

/// The `data` of the events in `bytes`, by
/// <https://html.spec.whatwg.org/multipage/server-sent-events.html>. Unlike there, the last event
/// counts also when nothing but the end of the stream ends it, as some upstreams leave it so.
pub(crate) fn events<S, E>(bytes: S) -> impl Stream<Item = Result<String, ReadError>>
where
    S: Stream<Item = Result<Bytes, E>>,
    E: std::error::Error + Send + Sync + 'static,
{
    let passed = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&passed);
    let bounded = bytes
        .map_err(|error| ReadError::Broken(error.into()))
        .and_then(move |part| ready(within_bounds(&counter, part)))
        .chain(stream::once(ready(Ok(Bytes::from_static(b"\n\n")))));
    SseByteStream::new(bounded).map_err(read_error).try_filter_map(move |event| {
        passed.store(0, Ordering::Relaxed);
        ready(Ok(event.data))
    })
}

fn within_bounds(passed: &AtomicUsize, part: Bytes) -> Result<Bytes, ReadError> {
    let before = passed.fetch_add(part.len(), Ordering::Relaxed);
    if before.saturating_add(part.len()) > LARGEST_EVENT {
        return Err(ReadError::TooLarge);
    }
    Ok(part)
}

/// The parser boxes what was put into it.
fn read_error(error: sse_stream::Error) -> ReadError {
    match error {
        sse_stream::Error::Body(ours) => {
            ours.downcast().map_or_else(ReadError::Broken, |error| *error)
        }
        other => ReadError::NoEvents(other),
    }
}
