//! A document of the provider, read when it is first needed and cached.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::error::OidcError;

/// The time after which a document is read again.
const MAX_AGE: Duration = Duration::from_hours(1);

/// The time after a failure in which the provider is not asked again.
const FAILURE_PAUSE: Duration = Duration::from_secs(5);

/// The minimum time between two reads because of unknown key ids, which anybody can send.
const MIN_REREAD_INTERVAL: Duration = Duration::from_secs(10);

/// Caches a document.
pub(crate) struct DocumentCache<T> {
    state: Mutex<State<T>>,
    /// Held while the document is read, so that there is one request at a time. Calls that can use the cached document do
    /// not wait for it.
    reading: tokio::sync::Mutex<()>,
}

struct State<T> {
    current: Option<Document<T>>,
    failed_at: Option<Instant>,
    /// When a token with an unknown key id caused the last read.
    reread_at: Option<Instant>,
}

/// A document that was read at some time.
pub(crate) struct Document<T> {
    read_at: Instant,
    pub(crate) content: Arc<T>,
}

impl<T> DocumentCache<T> {
    /// Returns the document, after reading it if it is missing or old. Others use the old one meanwhile, and so does this
    /// call if it can't be read.
    pub(crate) async fn current(
        &self,
        read: impl Future<Output = Result<T, OidcError>>,
    ) -> Result<Document<T>, OidcError> {
        if let Ok(Some(document)) = self.usable() {
            return Ok(document);
        }
        let old = self.lock().current.clone();
        let _reading = match (self.reading.try_lock(), &old) {
            (Ok(reading), _) => reading,
            (Err(_), Some(old)) => return Ok(old.clone()),
            (Err(_), None) => self.reading.lock().await,
        };
        // Another call may have read it meanwhile, or failed to.
        if let Some(document) = self.usable()? {
            return Ok(document);
        }
        self.read(read).await.or_else(|error| old.ok_or(error))
    }

    /// Returns a newer document than `known` after a token with an unknown key id. Returns `None` if it has just been read
    /// for the same reason.
    pub(crate) async fn newer_than(
        &self,
        known: &Document<T>,
        read: impl Future<Output = Result<T, OidcError>>,
    ) -> Result<Option<Document<T>>, OidcError> {
        let _reading = self.reading.lock().await;
        {
            let mut state = self.lock();
            let newer = state.current.clone().filter(|current| current.read_at > known.read_at);
            if newer.is_some() {
                return Ok(newer);
            }
            if state.reread_at.is_some_and(|at| at.elapsed() < MIN_REREAD_INTERVAL) {
                return Ok(None);
            }
            state.reread_at = Some(Instant::now());
        }
        self.read(read).await.map(Some)
    }

    /// Returns the document, if it need not be read: it is current, or the provider has just failed.
    fn usable(&self) -> Result<Option<Document<T>>, OidcError> {
        let state = self.lock();
        let has_failed = state.failed_at.is_some_and(|at| at.elapsed() < FAILURE_PAUSE);
        match &state.current {
            Some(known) if has_failed || known.read_at.elapsed() < MAX_AGE => {
                Ok(Some(known.clone()))
            }
            None if has_failed => Err(OidcError::Unavailable("it has just failed".to_owned())),
            _ => Ok(None),
        }
    }

    async fn read(
        &self,
        read: impl Future<Output = Result<T, OidcError>>,
    ) -> Result<Document<T>, OidcError> {
        // If this call is cancelled, the next one does not wait as long.
        self.lock().failed_at = Some(Instant::now());
        let result = read.await;
        let mut state = self.lock();
        state.failed_at = result.is_err().then(Instant::now);
        let document = Document { read_at: Instant::now(), content: Arc::new(result?) };
        state.current = Some(document.clone());
        Ok(document)
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Default for DocumentCache<T> {
    fn default() -> Self {
        let state = State { current: None, failed_at: None, reread_at: None };
        Self { state: Mutex::new(state), reading: tokio::sync::Mutex::default() }
    }
}

impl<T> Clone for Document<T> {
    fn clone(&self) -> Self {
        Self { read_at: self.read_at, content: Arc::clone(&self.content) }
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    type Read = Result<u32, OidcError>;

    /// Polls once: none of these calls waits for anything but the provider.
    fn poll<T>(call: impl Future<Output = T>) -> Poll<T> {
        pin!(call).poll(&mut Context::from_waker(Waker::noop()))
    }

    fn current(cache: &DocumentCache<u32>, read: Read) -> Option<u32> {
        match poll(cache.current(ready(read))) {
            Poll::Ready(document) => document.ok().map(|document| *document.content),
            Poll::Pending => panic!("it waits"),
        }
    }

    fn failed() -> Read {
        Err(OidcError::Unavailable("test".to_owned()))
    }

    #[tokio::test(start_paused = true)]
    async fn while_a_document_is_read_again_others_use_the_known_one() {
        let cache = DocumentCache::default();
        let known = cache.current(ready(Ok(1))).await.unwrap();

        let mut because_of_unknown_key = pin!(cache.newer_than(&known, pending()));
        let mut context = Context::from_waker(Waker::noop());
        assert!(because_of_unknown_key.as_mut().poll(&mut context).is_pending());

        assert_eq!(current(&cache, Ok(2)), Some(1));
        tokio::time::advance(MAX_AGE).await;
        assert_eq!(current(&cache, Ok(2)), Some(1), "only one call reads it");
    }

    #[tokio::test(start_paused = true)]
    async fn unknown_keys_cause_one_read_per_interval() {
        let cache = DocumentCache::default();
        let known = cache.current(ready(Ok(1))).await.unwrap();
        let newer = async |known, content| {
            let newer = cache.newer_than(known, ready(Ok(content))).await.unwrap();
            newer.map(|document| *document.content)
        };

        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!(newer(&known, 2).await, Some(2));
        assert_eq!(newer(&known, 3).await, Some(2), "it has been read meanwhile");
        let known = cache.current(ready(Ok(3))).await.unwrap();
        assert_eq!(newer(&known, 3).await, None);
        tokio::time::advance(MIN_REREAD_INTERVAL).await;
        assert_eq!(newer(&known, 3).await, Some(3));
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_failure_the_provider_has_a_pause() {
        let cache = DocumentCache::default();

        assert_eq!(current(&cache, failed()), None);
        assert_eq!(current(&cache, Ok(1)), None);
        tokio::time::advance(FAILURE_PAUSE).await;
        assert_eq!(current(&cache, Ok(1)), Some(1));
        tokio::time::advance(MAX_AGE).await;
        assert_eq!(current(&cache, failed()), Some(1), "an old document is better than none");
        assert_eq!(current(&cache, Ok(2)), Some(1));
        tokio::time::advance(FAILURE_PAUSE).await;
        assert_eq!(current(&cache, Ok(2)), Some(2));
    }
}
