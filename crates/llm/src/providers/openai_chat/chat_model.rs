//! The adapter: attempts, retries and the circuit breaker around one upstream.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::{Instant, sleep};
use tracing::Instrument;

use super::request_span::RequestSpan;
use super::upstream::Upstream;
use crate::http::attempt_error::{AttemptError, AttemptErrorKind};
use crate::http::breaker::Breaker;
use crate::http::retry::Retries;
use crate::metrics::count_retry;
use crate::{ChatModel, ChatRequest, DeltaStream, HttpSettings, ModelError, SetupError};

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
pub struct HttpChatModel {
    upstream: Upstream,
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
            upstream: Upstream::new(settings)?,
            retries: Retries::default(),
            breaker: Breaker::new(),
        })
    }

    async fn attempt(&self, request: &ChatRequest) -> Result<DeltaStream, AttemptError> {
        let permit = self.breaker.acquire()?;
        let result = self.upstream.request(request).await;
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
