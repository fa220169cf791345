//! One deployment: its address, its circuit breaker, and how its last requests ended.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::order::Preference;
use super::state::{DeploymentFailure, DeploymentState};
use crate::credentials::token_cache::TokenCache;
use crate::http::attempt_error::{AttemptError, AttemptErrorKind};
use crate::http::breaker::Breaker;
use crate::providers::{RequestSpan, Upstream};
use crate::settings::DeploymentSettings;
use crate::{AccessToken, ChatRequest, DeltaStream, ModelError, SetupError, TokenError};

pub(super) struct Deployment {
    pub(super) preference: Preference,
    pub(super) upstream: Upstream,
    tokens: Option<TokenCache>,
    breaker: Breaker,
    history: Mutex<History>,
}

/// How the last requests ended.
#[derive(Default)]
struct History {
    /// The time until which the deployment asked to wait.
    paused_until: Option<Instant>,
    last_failure: Option<(&'static str, Instant)>,
    answered_after: Option<Duration>,
}

impl Deployment {
    pub(super) fn new(settings: DeploymentSettings) -> Result<Self, SetupError> {
        let DeploymentSettings { name, order, weight, http } = settings;
        Ok(Self {
            tokens: http.token_source.clone().map(TokenCache::new),
            upstream: Upstream::new(http)?,
            breaker: Breaker::new(&name),
            preference: Preference { name, order, weight },
            history: Mutex::default(),
        })
    }

    /// Requests the first access token in the background. Does nothing without a token source.
    pub(super) fn prefetch_token(&self) {
        if let Some(tokens) = &self.tokens {
            tokens.prefetch();
        }
    }

    /// Sends the request. Returns when its answer begins. If its access token is refused, repeats it once with another one.
    pub(super) async fn attempt(
        &self,
        request: &ChatRequest,
        span: &RequestSpan,
    ) -> Result<DeltaStream, AttemptError> {
        span.record_upstream(&self.upstream.settings);
        let sent_at = Instant::now();
        let result = self.send_with_token(request).await;
        self.record(&result, sent_at);
        result
    }

    async fn send_with_token(&self, request: &ChatRequest) -> Result<DeltaStream, AttemptError> {
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

    fn record(&self, result: &Result<DeltaStream, AttemptError>, sent_at: Instant) {
        let now = Instant::now();
        let mut history = self.history();
        match result {
            Ok(_) => {
                history.paused_until = None;
                history.answered_after = Some(now - sent_at);
            }
            // Others depend on the request.
            Err(error) if !error.is_of_deployment() => {}
            Err(error) => {
                history.last_failure = Some((error.model_error.code(), now));
                if let ModelError::RateLimited { retry_after: Some(wait), .. } = error.model_error {
                    history.paused_until = now.checked_add(wait);
                }
            }
        }
    }

    /// Returns whether the breaker lets all requests through.
    pub(super) fn is_breaker_closed(&self) -> bool {
        self.breaker.is_closed()
    }

    /// Returns the remaining time until which the deployment asked to wait.
    pub(super) fn paused_for(&self) -> Option<Duration> {
        let until = self.history().paused_until?;
        let remaining = until.saturating_duration_since(Instant::now());
        (!remaining.is_zero()).then_some(remaining)
    }

    pub(super) fn state(&self) -> DeploymentState {
        let paused_for = self.paused_for();
        let history = self.history();
        DeploymentState {
            name: self.preference.name.clone(),
            host: self.upstream.settings.url.host_str().map(ToOwned::to_owned),
            breaker: self.breaker.state(),
            paused_for,
            last_failure: history
                .last_failure
                .map(|(code, at)| DeploymentFailure { code, age: at.elapsed() }),
            answered_after: history.answered_after,
        }
    }

    fn history(&self) -> MutexGuard<'_, History> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
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
