//! The adapter: attempts at the deployments of a model, and retries.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::{Instant, sleep};
use tracing::Instrument;

use super::deployment::Deployment;
use super::order::{Preference, asked_in_order};
use super::state::DeploymentState;
use crate::http::attempt_error::AttemptError;
use crate::http::retry::Retries;
use crate::metrics::{count_failover, count_retry};
use crate::providers::RequestSpan;
use crate::settings::DeploymentSettings;
use crate::{ChatModel, ChatRequest, DeltaStream, HttpSettings, ModelError, SetupError};

/// A model behind one or more OpenAI-compatible chat-completions URLs: its deployments.
///
/// A request asks the deployments in their order, and those with the same order by chance in proportion to their
/// weights; requests of the same conversation prefer the same one, whose cache knows its beginning. If a deployment fails
/// before its answer begins, the next one is asked at once. One that asked to wait is left out until then, unless no
/// other one is left. Once an answer has begun, no other deployment is asked.
///
/// If all deployments failed, the request is retried at most twice if they were unreachable, failed (5xx) or limited the
/// rate (429). Before a retry, the client waits for the delay that the upstream asks for, plus an exponential backoff. A
/// retry budget for all deployments together, which answers refill, bounds the load. Nothing is retried after a
/// content filter, or if the upstream asks for a delay of more than two minutes.
///
/// After five failures of a deployment in a row (unreachable, 5xx, timeout), its circuit breaker opens for five seconds
/// and rejects requests at once; then one request probes the deployment. At most three failures of one user
/// count, because a user may cause them, unless no connection can be made at all.
///
/// With access tokens, a request whose token is refused (401) is repeated once with another one. A token that expires
/// soon is renewed in the background. If it can't be renewed, it is used until it expires.
pub struct HttpChatModel {
    /// At least one.
    deployments: Vec<Deployment>,
    preferences: Vec<Preference>,
    retries: Retries,
}

impl HttpChatModel {
    /// Creates a client of a model with one deployment. It connects when it is first used.
    ///
    /// Redirects are not followed: they could send the key elsewhere.
    ///
    /// # Errors
    ///
    /// When the settings can't work.
    pub fn new(settings: HttpSettings) -> Result<Self, SetupError> {
        Self::with_deployments(vec![DeploymentSettings::only(settings)])
    }

    /// Creates a client of a model with several deployments, each with its own connection pool.
    ///
    /// # Errors
    ///
    /// When the settings can't work, or there are none.
    pub fn with_deployments(settings: Vec<DeploymentSettings>) -> Result<Self, SetupError> {
        let deployments =
            settings.into_iter().map(Deployment::new).collect::<Result<Vec<_>, _>>()?;
        if deployments.is_empty() {
            return Err(SetupError::NoDeployment);
        }
        let preferences =
            deployments.iter().map(|deployment| deployment.preference.clone()).collect();
        Ok(Self { deployments, preferences, retries: Retries::default() })
    }

    /// Requests the first access tokens in the background, so that the first request need not wait for one. Does nothing
    /// without a token source. Must be called within a runtime of Tokio.
    pub fn prefetch_tokens(&self) {
        self.deployments.iter().for_each(Deployment::prefetch_token);
    }

    /// Returns the deployments in the order in which this request asks them.
    fn in_order(&self, request: &ChatRequest) -> Vec<&Deployment> {
        let key = request.conversation_id.map_or_else(
            || fastrand::u64(..),
            |id| {
                let mut hasher = DefaultHasher::new();
                id.hash(&mut hasher);
                hasher.finish()
            },
        );
        let indices = asked_in_order(&self.preferences, key);
        indices.into_iter().filter_map(|index| self.deployments.get(index)).collect()
    }

    /// Asks the deployments until one answers. Returns it with its answer.
    async fn ask<'a>(
        &self,
        in_order: &[&'a Deployment],
        request: &ChatRequest,
        span: &RequestSpan,
    ) -> Result<(&'a Deployment, DeltaStream), AttemptError> {
        let mut candidates = candidates(in_order).into_iter().peekable();
        let mut failure: Option<AttemptError> = None;
        while let Some(deployment) = candidates.next() {
            let error = match deployment.attempt(request, span).await {
                Ok(answer) => return Ok((deployment, answer)),
                Err(error) => error,
            };
            if !error.is_of_deployment() {
                return Err(error);
            }
            if candidates.peek().is_some() {
                let (code, cause) = (error.model_error.code(), error.model_error.causes());
                let deployment = &deployment.preference.name;
                count_failover(deployment);
                tracing::info!(deployment, code, cause, "asking the next deployment");
            }
            failure = Some(match failure {
                // A retry may help with the other one.
                Some(earlier) if earlier.kind.is_retryable() => earlier,
                _ => error,
            });
        }
        Err(failure.unwrap_or_else(AttemptError::no_deployment))
    }

    /// Returns how long to wait before the next attempt, or `None` if there must be none.
    fn retry_delay(&self, attempts: u32, error: &AttemptError) -> Option<Duration> {
        if !self.deployments.iter().any(Deployment::is_breaker_closed) {
            return None;
        }
        let delay = self.retries.delay(attempts, error)?;
        let (code, cause) = (error.model_error.code(), error.model_error.causes());
        count_retry();
        tracing::info!(attempts, delay_ms = delay.as_millis(), code, cause, "retrying request");
        Some(delay)
    }

    async fn ask_with_retries(
        &self,
        request: &ChatRequest,
        span: &RequestSpan,
    ) -> Result<(&Deployment, DeltaStream), ModelError> {
        let in_order = self.in_order(request);
        let sent_at = Instant::now();
        let mut attempts = 1;
        loop {
            let error = match self.ask(&in_order, request, span).await {
                Ok((deployment, answer)) => {
                    self.retries.record_success();
                    let (name, after_ms) =
                        (&deployment.preference.name, sent_at.elapsed().as_millis());
                    tracing::debug!(attempts, deployment = name, after_ms, "answer started");
                    return Ok((deployment, answer));
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

/// Leaves out the deployments that asked to wait. If all did, returns the one whose time ends first.
fn candidates<'a>(in_order: &[&'a Deployment]) -> Vec<&'a Deployment> {
    let (paused, available): (Vec<_>, Vec<_>) = in_order
        .iter()
        .map(|deployment| (deployment.paused_for(), *deployment))
        .partition(|(paused_for, _)| paused_for.is_some());
    if available.is_empty() {
        let next = paused.into_iter().min_by_key(|(paused_for, _)| *paused_for);
        return next.map(|(_, deployment)| deployment).into_iter().collect();
    }
    available.into_iter().map(|(_, deployment)| deployment).collect()
}

#[async_trait]
impl ChatModel for HttpChatModel {
    fn name(&self) -> Option<String> {
        self.deployments.iter().find_map(|deployment| {
            let upstream = &deployment.upstream;
            upstream.settings.model.clone().or_else(|| upstream.reported_model.get())
        })
    }

    fn deployments(&self) -> Vec<DeploymentState> {
        self.deployments.iter().map(Deployment::state).collect()
    }

    async fn stream(&self, request: ChatRequest) -> Result<DeltaStream, ModelError> {
        let span = RequestSpan::start(&request);
        let asked = self.ask_with_retries(&request, &span);
        match asked.instrument(span.span().clone()).await {
            Ok((deployment, answer)) => {
                Ok(span.observe(answer, &deployment.upstream.reported_model))
            }
            Err(error) => Err(span.fail(error)),
        }
    }
}

impl fmt::Debug for HttpChatModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let deployments = self.deployments.iter();
        f.debug_list().entries(deployments.map(|deployment| &deployment.upstream.settings)).finish()
    }
}
