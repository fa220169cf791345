use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use futures_util::future::ready;
use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use sse_stream::SseByteStream;
use thiserror::Error;

/// An event is refused when more bytes than this pass without one: a broken upstream must not fill
/// the memory.
pub(crate) const LARGEST_EVENT: usize = 1024 * 1024;

/// The `data` of the events in `bytes`, by
/// <https://html.spec.whatwg.org/multipage/server-sent-events.html>. Unlike there, the last event
/// counts also when nothing but the end of the stream ends it, as some upstreams leave it so.
pub(crate) fn events<S, E>(bytes: S) -> impl Stream<Item = Result<String, sse_stream::Error>>
where
    S: Stream<Item = Result<Bytes, E>>,
    E: std::error::Error + Send + Sync + 'static,
{
    let passed = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&passed);
    let bounded = bytes
        .map_err(ReadError::Broken)
        .and_then(move |part| ready(within_bounds(&counter, part)))
        .chain(stream::once(ready(Ok(Bytes::from_static(b"\n\n")))));
    SseByteStream::new(bounded).try_filter_map(move |event| {
        passed.store(0, Ordering::Relaxed);
        ready(Ok(event.data))
    })
}

#[derive(Debug, Error)]
enum ReadError<E: std::error::Error + 'static> {
    #[error("the stream broke off")]
    Broken(#[source] E),
    #[error("{LARGEST_EVENT} bytes came without a whole event")]
    TooLarge,
}

fn within_bounds<E: std::error::Error + 'static>(
    passed: &AtomicUsize,
    part: Bytes,
) -> Result<Bytes, ReadError<E>> {
    let before = passed.fetch_add(part.len(), Ordering::Relaxed);
    if before.saturating_add(part.len()) > LARGEST_EVENT {
        return Err(ReadError::TooLarge);
    }
    Ok(part)
}
