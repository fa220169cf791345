//! The cache of an access token, which one renewal at a time replaces before it expires.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use tokio::time::{Instant, sleep};

use crate::{AccessToken, TokenError, TokenSource};

/// The maximum number of requests for a token in one renewal, while the service is unavailable.
const MAX_ATTEMPTS: u32 = 4;

/// The upper bound of the delay before the second request. It doubles with each further one.
const BASE_DELAY: Duration = Duration::from_secs(1);

/// The longest delay between two requests that the service may ask for. If it asks for a longer one, the renewal fails.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(10);

/// The upper bound of the time without requests after a renewal that failed. It doubles with each further one.
const BASE_BACKOFF: Duration = Duration::from_secs(5);

/// The longest time without requests after a renewal that failed.
const MAX_BACKOFF: Duration = Duration::from_mins(1);

/// A token is renewed after a part of its lifetime that is random, so that the instances of a service don't
/// renew theirs at the same time.
const MIN_RENEWAL_PART: f64 = 0.7;
const MAX_RENEWAL_PART: f64 = 0.8;

/// How often a token that the model refuses is replaced. A second one would be refused as well.
const MIN_REPLACEMENT_INTERVAL: Duration = Duration::from_secs(30);

/// The token of a source.
pub(crate) struct TokenCache {
    inner: Arc<Inner>,
}

struct Inner {
    source: Arc<dyn TokenSource>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    token: Option<CachedToken>,
    /// The running renewal.
    renewal: Option<Renewal>,
    /// The failure of the last renewal.
    failure: Option<Failure>,
    /// When a token was last replaced because the model refused it.
    replaced_at: Option<Instant>,
}

struct CachedToken {
    token: AccessToken,
    renew_at: Instant,
    expires_at: Instant,
}

struct Failure {
    error: TokenError,
    /// The number of renewals in a row that failed.
    count: u32,
    /// When the next renewal may start.
    retry_at: Instant,
}

/// A renewal in a task of its own, which ends even if nobody waits for it any more.
type Renewal = Shared<BoxFuture<'static, Result<AccessToken, TokenError>>>;

impl TokenCache {
    pub(crate) fn new(source: Arc<dyn TokenSource>) -> Self {
        Self { inner: Arc::new(Inner { source, state: Mutex::default() }) }
    }

    /// Returns a token that has not expired. Waits only if there is none.
    ///
    /// # Errors
    ///
    /// When there is no such token, and the renewal fails or has failed a moment ago.
    ///
    /// # Cancellation
    ///
    /// Dropping the future does not cancel the renewal.
    pub(crate) async fn token(&self) -> Result<AccessToken, TokenError> {
        let renewal = {
            let mut state = self.inner.state();
            let now = Instant::now();
            let usable = state.token.as_ref().filter(|cached| now < cached.expires_at);
            let usable = usable.map(|cached| (cached.token.clone(), now < cached.renew_at));
            match usable {
                Some((token, true)) => return Ok(token),
                Some((token, false)) => {
                    // The old token is good enough, whether or not a renewal can start.
                    let _ = self.renewal(&mut state, now);
                    return Ok(token);
                }
                None => self.renewal(&mut state, now)?,
            }
        };
        renewal.await
    }

    /// Starts to request the first token, so that nobody has to wait for it.
    pub(crate) fn prefetch(&self) {
        let mut state = self.inner.state();
        if state.token.is_none() {
            // It can't be started only after a failure, which was logged.
            let _ = self.renewal(&mut state, Instant::now());
        }
    }

    /// Returns another token than the one that the model has refused, or `None` if there is none. Everybody whose
    /// token was refused waits for the same renewal. If it fails, the refused token stays: the refusal may have been a
    /// mistake of the model.
    pub(crate) async fn replace(&self, refused: &AccessToken) -> Option<AccessToken> {
        let renewal = {
            let mut state = self.inner.state();
            let now = Instant::now();
            let current = state.token.as_ref().map(|cached| &cached.token);
            if let Some(token) = current.filter(|token| token.header() != refused.header()) {
                return Some(token.clone());
            }
            if state.running_renewal().is_none() {
                if state.replaced_at.is_some_and(|at| now < at + MIN_REPLACEMENT_INTERVAL) {
                    return None;
                }
                state.replaced_at = Some(now);
                tracing::warn!("the model refused the access token: requesting another one");
            }
            self.renewal(&mut state, now).ok()?
        };
        renewal.await.ok().filter(|token| token.header() != refused.header())
    }

    /// Returns the running renewal, or starts one. After a failed one, fails for some time.
    fn renewal(&self, state: &mut State, now: Instant) -> Result<Renewal, TokenError> {
        if let Some(renewal) = state.running_renewal() {
            return Ok(renewal);
        }
        if let Some(failure) = state.failure.as_ref().filter(|failure| now < failure.retry_at) {
            return Err(failure.error_at(now));
        }
        let task = spawn(renew(self.inner.clone()));
        let renewal = async move {
            task.await.unwrap_or_else(|_| Err(TokenError::unavailable("the renewal was aborted")))
        };
        let renewal = renewal.boxed().shared();
        state.renewal = Some(renewal.clone());
        Ok(renewal)
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn running_renewal(&self) -> Option<Renewal> {
        self.renewal.as_ref().filter(|renewal| renewal.peek().is_none()).cloned()
    }

    fn end_renewal(&mut self, result: &Result<AccessToken, TokenError>, credential: &str) {
        self.renewal = None;
        let now = Instant::now();
        match result {
            Ok(token) => {
                let expires_in_s = token.lifetime().as_secs();
                if self.token.is_none() || self.failure.is_some() {
                    tracing::info!(credential, expires_in_s, "got an access token");
                } else {
                    tracing::debug!(credential, expires_in_s, "renewed the access token");
                }
                self.token = Some(CachedToken::new(token.clone(), now));
                self.failure = None;
            }
            Err(error) => {
                let count = self.failure.as_ref().map_or(0, |failure| failure.count) + 1;
                let usable_for = self.token.as_ref().map(|cached| cached.expires_at - now);
                let usable_for_s = usable_for.unwrap_or_default().as_secs();
                tracing::warn!(credential, usable_for_s, %error, "failed to get an access token");
                let backoff = jittered(BASE_BACKOFF, count).max(error.retry_after());
                let retry_at = now + backoff.min(MAX_BACKOFF);
                self.failure = Some(Failure { error: error.clone(), count, retry_at });
            }
        }
    }
}

impl CachedToken {
    fn new(token: AccessToken, now: Instant) -> Self {
        let part = MIN_RENEWAL_PART + fastrand::f64() * (MAX_RENEWAL_PART - MIN_RENEWAL_PART);
        let lifetime = token.lifetime();
        Self { token, renew_at: now + lifetime.mul_f64(part), expires_at: now + lifetime }
    }
}

impl Failure {
    /// Returns the error for those who ask again before the next renewal.
    fn error_at(&self, now: Instant) -> TokenError {
        match &self.error {
            TokenError::Unavailable { reason, .. } => TokenError::Unavailable {
                reason: reason.clone(),
                retry_after: Some(self.retry_at - now),
            },
            TokenError::Refused(_) => self.error.clone(),
        }
    }
}

async fn renew(inner: Arc<Inner>) -> Result<AccessToken, TokenError> {
    let result = request(inner.source.as_ref()).await;
    inner.state().end_renewal(&result, inner.source.description());
    result
}

/// Requests a token, more than once if the service is unavailable.
async fn request(source: &dyn TokenSource) -> Result<AccessToken, TokenError> {
    let mut attempts = 1;
    loop {
        match source.request_token().await {
            Err(error @ TokenError::Unavailable { .. })
                if attempts < MAX_ATTEMPTS && error.retry_after() <= MAX_RETRY_AFTER =>
            {
                sleep(error.retry_after().max(jittered(BASE_DELAY, attempts))).await;
                attempts += 1;
            }
            result => return result,
        }
    }
}

/// Returns a random delay of which the upper bound is `base` at first and doubles each time. It is at least half
/// of the bound.
fn jittered(base: Duration, count: u32) -> Duration {
    let bound = base.saturating_mul(2_u32.saturating_pow(count.saturating_sub(1).min(16)));
    bound.mul_f64(0.5 + fastrand::f64() / 2.0)
}

#[expect(clippy::disallowed_methods, reason = "a renewal has nothing to save at shutdown")]
fn spawn(
    renewal: impl Future<Output = Result<AccessToken, TokenError>> + Send + 'static,
) -> tokio::task::JoinHandle<Result<AccessToken, TokenError>> {
    tokio::spawn(renewal)
}

#[cfg(test)]
mod tests;
