use std::fmt;

use async_trait::async_trait;
use futures_util::TryStreamExt;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderName, HeaderValue};
use reqwest::{Client, Response, redirect};
use thiserror::Error;
use tokio::time::{Instant, timeout};

use crate::answer::{ReportedName, answer};
use crate::refusal::{Refusal, retry_after};
use crate::request::{Body, is_loopback, key_header};
use crate::tls::client_config;
use crate::{Cause, ChatModel, ChatRequest, DeltaStream, HttpSettings, ModelError};

/// An error's body is read so far: more would tell nothing.
const LARGEST_REFUSAL: usize = 64 * 1024;

/// A model behind an OpenAI-compatible chat-completions address.
pub struct HttpChatModel {
    client: Client,
    settings: HttpSettings,
    key: Option<(HeaderName, HeaderValue)>,
    reported: ReportedName,
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
    /// TLS can't be set up.
    #[error("TLS can't be set up: does this machine have root certificates?")]
    Tls(#[source] Cause),
}

impl HttpChatModel {
    /// A client with a pool of connections of its own. It connects when it is asked.
    ///
    /// Proxies are taken from the environment, except to a model on this machine. Redirects are not
    /// followed: they could carry the key elsewhere.
    ///
    /// # Errors
    ///
    /// When the settings can't work.
    pub fn new(settings: HttpSettings) -> Result<Self, SetupError> {
        if !matches!(settings.url.scheme(), "http" | "https") {
            return Err(SetupError::Url);
        }
        let key = match &settings.api_key {
            Some(key) => key_header(settings.auth, &settings.url, key),
            None => Ok(None),
        };
        Ok(Self {
            key: key.map_err(|_| SetupError::Key)?,
            client: client(&settings).map_err(SetupError::Tls)?,
            settings,
            reported: ReportedName::default(),
        })
    }

    async fn send(&self, request: &ChatRequest) -> Result<Response, ModelError> {
        let model = self.settings.model.as_deref();
        let mut builder = self
            .client
            .post(self.settings.url.clone())
            .header(ACCEPT, "text/event-stream")
            .json(&Body::new(model, request));
        if let Some((name, value)) = &self.key {
            builder = builder.header(name, value);
        }
        let response = builder.send().await.map_err(not_sent)?;
        if response.status().is_success() && !is_document(&response) {
            Ok(response)
        } else {
            Err(refused(response).await)
        }
    }
}

#[async_trait]
impl ChatModel for HttpChatModel {
    fn name(&self) -> Option<String> {
        self.settings.model.clone().or_else(|| self.reported.get())
    }

    async fn stream(&self, request: ChatRequest) -> Result<DeltaStream, ModelError> {
        let asked = Instant::now();
        let timeouts = self.settings.timeouts;
        let response = timeout(timeouts.first_delta, self.send(&request))
            .await
            .map_err(|elapsed| ModelError::Unreachable(elapsed.into()))??;
        let bytes = response.bytes_stream().map_err(reqwest::Error::without_url);
        Ok(answer(bytes, asked, timeouts, self.reported.clone()))
    }
}

impl fmt::Debug for HttpChatModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("HttpChatModel").field(&self.settings).finish()
    }
}

fn client(settings: &HttpSettings) -> Result<Client, Cause> {
    let mut builder = Client::builder()
        .user_agent(concat!("webchat/", env!("CARGO_PKG_VERSION")))
        .tls_backend_preconfigured(client_config(&settings.url)?)
        .connect_timeout(settings.timeouts.connect)
        .redirect(redirect::Policy::none())
        .tcp_nodelay(true);
    if is_loopback(&settings.url) {
        builder = builder.no_proxy();
    }
    Ok(builder.build()?)
}

fn not_sent(error: reqwest::Error) -> ModelError {
    let error = error.without_url();
    if error.is_connect() || error.is_timeout() {
        ModelError::Unreachable(error.into())
    } else {
        ModelError::Failed(error.into())
    }
}

/// Whether a successful response is certainly no stream: an error with the wrong status, or the page
/// of something that is no model at all.
fn is_document(response: &Response) -> bool {
    let content_type = response.headers().get(CONTENT_TYPE);
    content_type
        .and_then(|value| value.to_str().ok())
        .map(str::to_ascii_lowercase)
        .is_some_and(|value| value.contains("json") || value.contains("html"))
}

async fn refused(mut response: Response) -> ModelError {
    let retry_after = retry_after(response.headers());
    let status = response.status();
    let mut body = Vec::new();
    // A body that breaks off is judged by what came of it; the status alone tells most.
    while body.len() < LARGEST_REFUSAL
        && let Ok(Some(part)) = response.chunk().await
    {
        body.extend_from_slice(&part);
    }
    Refusal::in_response(status, &body).into_error(retry_after)
}

#[cfg(test)]
mod tests;
