use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use thiserror::Error;
use tokio::time::{Instant, sleep};

use crate::breaker::Breaker;
use crate::fault::Fault;
use crate::retry::Retries;
use crate::upstream::Upstream;
use crate::{Cause, ChatModel, ChatRequest, DeltaStream, HttpSettings, ModelError};

/// A model behind an OpenAI-compatible chat-completions address.
///
/// A request that fails before its answer begins is sent again, at most twice: after an unreachable or
/// failing upstream (5xx) and after a rate limit (429), with growing waits, or those that the upstream
/// asks for. Retries are on a budget that answers pay for. Nothing is sent again once the answer has
/// begun, nor after a filter, nor when the upstream asks for more than two minutes.
///
/// After five failures in a row (unreachable, 5xx, nothing in time) the upstream is let alone for five
/// seconds, in which requests are refused at once; then one of them tries whether it works again.
pub struct HttpChatModel {
    upstream: Upstream,
    retries: Retries,
    breaker: Breaker,
}

/// Why an [`HttpChatModel`] can't be made of its settings.
#[derive(Debug, Error)]
pub enum SetupError {
    /// The address is neither `http` nor `https`.
    #[error("the model's address must start with http:// or https://")]
    Url,
    /// The key has characters that no HTTP header can carry.
    #[error("the model's key has characters that can't be sent, such as a line break")]
    Key,
    /// The proxy's address is none.
    #[error("the proxy's address must start with http://, https:// or socks5://")]
    Proxy,
    /// TLS can't be set up.
    #[error("TLS can't be set up: does this machine have root certificates?")]
    Tls(#[source] Cause),
}

impl HttpChatModel {
    /// A client with a pool of connections of its own. It connects when it is asked.
    ///
    /// Redirects are not followed: they could carry the key elsewhere.
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

    async fn try_once(&self, request: &ChatRequest) -> Result<DeltaStream, Fault> {
        let pass = self.breaker.enter()?;
        let asked = self.upstream.ask(request).await;
        match &asked {
            Err(fault) if fault.kind.is_upstreams_failure() => pass.failed(),
            _ => pass.succeeded(),
        }
        asked
    }

    fn wait_before_next(&self, tries: u32, fault: &Fault) -> Option<Duration> {
        if !self.breaker.is_closed() {
            return None;
        }
        let wait = self.retries.wait(tries, fault)?;
        let (code, cause) = (fault.error.code(), fault.error.causes());
        tracing::info!(tries, wait_ms = wait.as_millis(), code, cause, "a request is sent again");
        Some(wait)
    }
}

#[async_trait]
impl ChatModel for HttpChatModel {
    fn name(&self) -> Option<String> {
        self.upstream.settings.model.clone().or_else(|| self.upstream.reported.get())
    }

    async fn stream(&self, request: ChatRequest) -> Result<DeltaStream, ModelError> {
        let asked = Instant::now();
        let mut tries = 1;
        loop {
            let fault = match self.try_once(&request).await {
                Ok(answer) => {
                    self.retries.answered();
                    let after_ms = asked.elapsed().as_millis();
                    tracing::debug!(tries, after_ms, "an answer begins");
                    return Ok(answer);
                }
                Err(fault) => fault,
            };
            let Some(wait) = self.wait_before_next(tries, &fault) else {
                return Err(fault.error);
            };
            sleep(wait).await;
            tries += 1;
        }
    }
}

impl fmt::Debug for HttpChatModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("HttpChatModel").field(&self.upstream.settings).finish()
    }
}
