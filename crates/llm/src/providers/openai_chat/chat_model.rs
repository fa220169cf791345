//! The adapter: attempts, retries and the circuit breaker around one upstream.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::{Instant, sleep};
use tracing::Instrument;

use super::request_span::RequestSpan;
use super::upstream::Upstream;
use crate::credentials::token_cache::TokenCache;
use crate::http::attempt_error::{AttemptError, AttemptErrorKind};
use crate::http::breaker::Breaker;
use crate::http::retry::Retries;
use crate::metrics::count_retry;
use crate::{
    AccessToken, ChatModel, ChatRequest, DeltaStream, HttpSettings, ModelError, SetupError,
    TokenError,
};

/// A model behind an OpenAI-compatible chat-completions URL.
///
/// A request that fails before its answer begins is retried at most twice if the upstream was
/// unreachable, failed (5xx) or limited the rate (429). Before a retry, the client waits for the delay
/// that the upstream asks for, plus an exponential backoff. A retry budget, which answers refill, bounds
/// the load. Nothing is retried once the answer has begun, after a content filter, or if the upstream
/// asks for a delay of more than two minutes.
///
/// After five failures in a row (unreachable, 5xx, timeout) the circuit breaker opens for five seconds
/// and rejects requests at once; then one request probes the upstream. At most three failures of one user
/// count, because a user may cause them, unless no connection can be made at all.
///
/// With access tokens, a request whose token is refused (401) is repeated once with another one. A token that expires
/// soon is renewed in the background. If it can't be renewed, it is used until it expires.
pub struct HttpChatModel {
    upstream: Upstream,
    tokens: Option<TokenCache>,
    retries: Retries,
    breaker: Breaker,
}

impl HttpChatModel {
    /// Creates a client with its own connection pool. It connects when it is first used.
    ///
    /// Redirects are not followed: they could send the key elsewhere.
    ///
    /// # Errors
    ///
    /// When the settings can't work.
    pub fn new(settings: HttpSettings) -> Result<Self, SetupError> {
        Ok(Self {
            tokens: settings.token_source.clone().map(TokenCache::new),
            upstream: Upstream::new(settings)?,
            retries: Retries::default(),
            breaker: Breaker::new(),
        })
    }

    /// Requests the first access token in the background, so that the first request need not wait for it. Does nothing
    /// without a token source. Must be called within a runtime of Tokio.
    pub fn prefetch_token(&self) {
        if let Some(tokens) = &self.tokens {
            tokens.prefetch();
        }
    }

    async fn attempt(&self, request: &ChatRequest) -> Result<DeltaStream, AttemptError> {
        let Some(tokens) = &self.tokens else { return self.send(request, None).await };
        let token = tokens.token().await.map_err(without_token)?;
        match self.send(request, Some(&token)).await {
            Err(error) if error.kind == AttemptErrorKind::Unauthenticated => {
                match tokens.replace(&token).await {
                    Some(token) => self.send(request, Some(&token)).await,
                    None => Err(error),
                }
            }
            result => result,
        }
    }

    async fn send(
        &self,
        request: &ChatRequest,
        token: Option<&AccessToken>,
    ) -> Result<DeltaStream, AttemptError> {
        let permit = self.breaker.acquire()?;
        let result = self.upstream.request(request, token).await;
        match &result {
            Err(error) if error.kind == AttemptErrorKind::NotConnected => {
                permit.record_failure(None);
            }
            Err(error) if error.kind.is_outage() => permit.record_failure(request.user_id),
            _ => permit.record_success(),
        }
        result
    }

    /// Returns how long to wait before the next attempt, or `None` if there must be none.
    fn retry_delay(&self, attempts: u32, error: &AttemptError) -> Option<Duration> {
        if !self.breaker.is_closed() {
            return None;
        }
        let delay = self.retries.delay(attempts, error)?;
        let (code, cause) = (error.model_error.code(), error.model_error.causes());
        count_retry();
        tracing::info!(attempts, delay_ms = delay.as_millis(), code, cause, "retrying request");
        Some(delay)
    }

    async fn stream_with_retries(&self, request: ChatRequest) -> Result<DeltaStream, ModelError> {
        let sent_at = Instant::now();
        let mut attempts = 1;
        loop {
            let error = match self.attempt(&request).await {
                Ok(answer) => {
                    self.retries.record_success();
                    let after_ms = sent_at.elapsed().as_millis();
                    tracing::debug!(attempts, after_ms, "answer started");
                    return Ok(answer);
                }
                Err(error) => error,
            };
            let Some(delay) = self.retry_delay(attempts, &error) else {
                return Err(error.model_error);
            };
            sleep(delay).await;
            attempts += 1;
        }
    }
}

/// Returns the error of a request for which there is no token. It is not repeated, because requests for tokens are.
fn without_token(error: TokenError) -> AttemptError {
    let model_error = match error {
        TokenError::Unavailable { retry_after, .. } => {
            ModelError::Unreachable { retry_after, cause: error.into() }
        }
        TokenError::Refused(_) => ModelError::AccountRefused(error.into()),
    };
    AttemptError { model_error, kind: AttemptErrorKind::Permanent }
}

#[async_trait]
impl ChatModel for HttpChatModel {
    fn name(&self) -> Option<String> {
        self.upstream.settings.model.clone().or_else(|| self.upstream.reported_model.get())
    }

    async fn stream(&self, request: ChatRequest) -> Result<DeltaStream, ModelError> {
        let span = RequestSpan::start(&self.upstream.settings, &request);
        let answer = self.stream_with_retries(request).instrument(span.span().clone()).await;
        span.observe(answer, &self.upstream.reported_model)
    }
}

impl fmt::Debug for HttpChatModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("HttpChatModel").field(&self.upstream.settings).finish()
    }
}
