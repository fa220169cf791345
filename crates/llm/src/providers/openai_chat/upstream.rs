//! One attempt: the request, and the beginning of its answer.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderName, HeaderValue};
use reqwest::{Client, Response};
use tokio::time::{Instant, timeout};

use super::answer::{ReportedModel, read_answer};
use super::capabilities::Capabilities;
use super::request::Body;
use super::upstream_error::UpstreamError;
use crate::credentials::key_header;
use crate::http::attempt_error::{AttemptError, AttemptErrorKind};
use crate::http::client::http_client;
use crate::http::retry_after::retry_after;
use crate::http::sse::max_stream_bytes;
use crate::{ChatRequest, DeltaStream, HttpSettings, SetupError};

/// The bounds on reading the body of an error response. The rest of it is not needed.
const MAX_ERROR_BODY_BYTES: usize = 64 * 1024;
const ERROR_BODY_TIMEOUT: Duration = Duration::from_secs(2);

/// The maximum number of fields that are dropped or replaced within one attempt.
const MAX_FALLBACKS: usize = 2;

/// Sends requests to one upstream, without retries.
pub(super) struct Upstream {
    client: Client,
    pub(super) settings: HttpSettings,
    key: Option<(HeaderName, HeaderValue)>,
    capabilities: Mutex<Capabilities>,
    pub(super) reported_model: ReportedModel,
}

impl Upstream {
    pub(super) fn new(settings: HttpSettings) -> Result<Self, SetupError> {
        if !matches!(settings.url.scheme(), "http" | "https") {
            return Err(SetupError::Url);
        }
        let key = match &settings.api_key {
            Some(key) => key_header(settings.auth, &settings.url, key),
            None => Ok(None),
        };
        Ok(Self {
            key: key.map_err(|_| SetupError::Key)?,
            client: http_client(&settings)?,
            capabilities: Mutex::new(Capabilities::new(settings.tokens_field)),
            settings,
            reported_model: ReportedModel::default(),
        })
    }

    /// Sends the request. Returns when its answer begins.
    pub(super) async fn request(&self, request: &ChatRequest) -> Result<DeltaStream, AttemptError> {
        let sent_at = Instant::now();
        let timeouts = self.settings.timeouts;
        let response = timeout(timeouts.first_delta, self.send_with_fallback(request))
            .await
            .map_err(|elapsed| AttemptError::unreachable(AttemptErrorKind::TimedOut, elapsed))??;
        let max_bytes = max_stream_bytes(request.max_answer_tokens);
        let model = self.reported_model.clone();
        read_answer(response.bytes_stream(), max_bytes, sent_at, timeouts, model).await
    }

    /// Sends the request. If the upstream rejects a field as unknown, sends it again at once without that
    /// field, which later requests omit too.
    async fn send_with_fallback(&self, request: &ChatRequest) -> Result<Response, AttemptError> {
        let mut fallbacks = 0;
        loop {
            let capabilities = *self.capabilities.lock().unwrap_or_else(PoisonError::into_inner);
            let response = self.send(request, capabilities).await?;
            if response.status().is_success() && !is_json_or_html(&response) {
                return Ok(response);
            }
            let delay = retry_after(response.status(), response.headers());
            let error = read_error(response).await;
            let reduced = error.unknown_field().and_then(|field| capabilities.without(field));
            let Some(reduced) = reduced.filter(|_| fallbacks < MAX_FALLBACKS) else {
                return Err(error.into_attempt_error(delay));
            };
            tracing::info!(field = error.unknown_field(), "upstream rejected an unknown field");
            *self.capabilities.lock().unwrap_or_else(PoisonError::into_inner) = reduced;
            fallbacks += 1;
        }
    }

    async fn send(
        &self,
        request: &ChatRequest,
        capabilities: Capabilities,
    ) -> Result<Response, AttemptError> {
        let mut builder = self
            .client
            .post(self.settings.url.clone())
            .header(ACCEPT, "text/event-stream")
            .json(&Body::new(&self.settings, capabilities, request));
        if let Some((name, value)) = &self.key {
            builder = builder.header(name, value);
        }
        for (name, value) in self.settings.request_headers.iter().flat_map(|headers| headers()) {
            builder = builder.header(name, value);
        }
        let response = builder.send().await;
        response.map_err(|error| {
            let kind = if error.is_connect() {
                AttemptErrorKind::NotConnected
            } else {
                AttemptErrorKind::Unavailable
            };
            AttemptError::unreachable(kind, error.without_url())
        })
    }
}

/// Returns whether a successful response can't be a stream: it is an error with a wrong status, or the
/// web page of a server that is not a model.
fn is_json_or_html(response: &Response) -> bool {
    let content_type = response.headers().get(CONTENT_TYPE);
    content_type
        .and_then(|value| value.to_str().ok())
        .map(str::to_ascii_lowercase)
        .is_some_and(|value| value.contains("json") || value.contains("html"))
}

async fn read_error(mut response: Response) -> UpstreamError {
    let status = response.status();
    let mut body = Vec::new();
    let reading = async {
        while body.len() < MAX_ERROR_BODY_BYTES
            && let Ok(Some(bytes)) = response.chunk().await
        {
            body.extend_from_slice(&bytes);
        }
    };
    // A truncated body is evaluated too: the status alone says most.
    let _ = timeout(ERROR_BODY_TIMEOUT, reading).await;
    UpstreamError::from_response(status, &body)
}
