//! The keys with which a provider signs its tokens, cached.

use std::sync::Arc;
use std::time::Duration;

use openidconnect::core::CoreJsonWebKeySet;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::discovery::{FAILURE_PAUSE, MAX_AGE};
use crate::error::OidcError;
use crate::http::Http;

/// The minimum time between two reads because of unknown key ids, which anybody can send.
const MIN_REREAD_INTERVAL: Duration = Duration::from_secs(10);

/// Reads the keys, and caches them.
#[derive(Default)]
pub(crate) struct Keys {
    cache: Mutex<Cache>,
}

#[derive(Default)]
struct Cache {
    current: Option<Cached>,
    failed_at: Option<Instant>,
    /// When a token with an unknown key id caused the last read.
    reread_at: Option<Instant>,
}

/// Keys that were read at some time.
#[derive(Clone)]
pub(crate) struct Cached {
    read_at: Instant,
    pub(crate) keys: Arc<CoreJsonWebKeySet>,
}

impl Keys {
    /// Returns the keys. If they can't be read again, the cached ones are used.
    pub(crate) async fn current(&self, url: &str, http: &Http) -> Result<Cached, OidcError> {
        let mut cache = self.cache.lock().await;
        let stale = cache.current.clone();
        let has_failed = cache.failed_at.is_some_and(|at| at.elapsed() < FAILURE_PAUSE);
        if let Some(cached) = &stale
            && (has_failed || cached.read_at.elapsed() < MAX_AGE)
        {
            return Ok(cached.clone());
        }
        // If this call is cancelled, the next one does not wait as long.
        cache.failed_at = Some(Instant::now());
        match read(url, http).await {
            Ok(read) => {
                cache.failed_at = None;
                Ok(cache.current.insert(read).clone())
            }
            Err(error) => {
                cache.failed_at = Some(Instant::now());
                stale.ok_or(error)
            }
        }
    }

    /// Returns newer keys than `known` after a token with an unknown key id. Returns `None` if they have just been read
    /// for the same reason.
    pub(crate) async fn newer_than(
        &self,
        known: &Cached,
        url: &str,
        http: &Http,
    ) -> Result<Option<Cached>, OidcError> {
        let mut cache = self.cache.lock().await;
        if let Some(current) = &cache.current
            && current.read_at > known.read_at
        {
            return Ok(Some(current.clone()));
        }
        if cache.reread_at.is_some_and(|reread_at| reread_at.elapsed() < MIN_REREAD_INTERVAL) {
            return Ok(None);
        }
        cache.reread_at = Some(Instant::now());
        Ok(Some(cache.current.insert(read(url, http).await?).clone()))
    }
}

async fn read(url: &str, http: &Http) -> Result<Cached, OidcError> {
    let body = http.get(url, None).await?;
    let keys = serde_json::from_slice(&body)
        .map_err(|_| OidcError::Invalid("its keys are invalid".to_owned()))?;
    Ok(Cached { read_at: Instant::now(), keys: Arc::new(keys) })
}
