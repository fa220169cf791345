//! One attempt: the request, and the beginning of its answer.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use reqwest::header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, HeaderName, HeaderValue};
use reqwest::{Client, Response};
use tokio::time::{Instant, timeout, timeout_at};

use super::answer::{ReadChunks, read_answer};
use super::api::Api;
use super::capabilities::Capabilities;
use super::reported_model::ReportedModel;
use super::upstream_error::{AnswerError, Rejection, UpstreamError};
use super::{openai_chat, openai_responses};
use crate::credentials::key::key_header;
use crate::http::attempt_error::{AttemptError, AttemptErrorKind};
use crate::http::client::http_client;
use crate::http::decompression::{decompressed_body, unsupported_encoding};
use crate::http::events::max_stream_bytes;
use crate::http::retry_after::retry_after;
use crate::{AccessToken, ChatRequest, ChatRole, DeltaStream, HttpSettings, SetupError};

/// The bounds on reading the body of an error response. The rest of it is not needed.
const MAX_ERROR_BODY_BYTES: usize = 64 * 1024;
const ERROR_BODY_TIMEOUT: Duration = Duration::from_secs(2);

/// The maximum number of changes to the request within one attempt.
const MAX_FALLBACKS: usize = 4;

/// Sends requests to one upstream, without retries.
pub(crate) struct Upstream {
    api: Api,
    client: Client,
    pub(crate) settings: HttpSettings,
    key: Option<(HeaderName, HeaderValue)>,
    experience: Mutex<Experience>,
    pub(crate) reported_model: ReportedModel,
}

/// What earlier requests have shown about the upstream.
struct Experience {
    capabilities: Capabilities,
    /// What was changed since the last answer without any effect. It is not tried again, so that a failing
    /// upstream does not get more requests.
    in_vain: Vec<Rejection>,
}

/// Why one request failed, and how long the upstream asks to wait.
struct RequestError {
    error: AnswerError,
    retry_after: Option<Duration>,
}

impl From<AttemptError> for RequestError {
    fn from(error: AttemptError) -> Self {
        Self { error: error.into(), retry_after: None }
    }
}

impl Upstream {
    pub(crate) fn new(settings: HttpSettings) -> Result<Self, SetupError> {
        if !matches!(settings.url.scheme(), "http" | "https") {
            return Err(SetupError::Url);
        }
        let key = match &settings.api_key {
            Some(key) => key_header(settings.auth, &settings.url, key),
            None => Ok(None),
        };
        let api = Api::at(&settings.url);
        if api == Api::Responses {
            warn_of_left_out(&settings);
        }
        Ok(Self {
            api,
            key: key.map_err(|_| SetupError::Key)?,
            client: http_client(&settings)?,
            experience: Mutex::new(Experience {
                capabilities: Capabilities::new(api, settings.tokens_field),
                in_vain: Vec::new(),
            }),
            settings,
            reported_model: ReportedModel::default(),
        })
    }

    /// Sends the request, with an access token if there is one. Returns when its answer begins.
    ///
    /// If the upstream rejects a part of it that can be left out or sent in another way, sends it again at
    /// once. Later requests are sent like the one that was answered.
    pub(crate) async fn request(
        &self,
        request: &ChatRequest,
        token: Option<&AccessToken>,
    ) -> Result<DeltaStream, AttemptError> {
        let sent_at = Instant::now();
        let mut capabilities = self.experience().capabilities;
        let mut tried = vec![capabilities];
        let mut rejections = Vec::new();
        loop {
            let RequestError { error, retry_after } =
                match self.request_with(request, token, capabilities, sent_at).await {
                    Ok(answer) => {
                        self.learn(capabilities, &rejections);
                        return Ok(answer);
                    }
                    Err(error) => error,
                };
            let fallback = match &error {
                AnswerError::Upstream(error) => self.fallback(request, error, capabilities),
                AnswerError::Attempt(_) => None,
            };
            let fallback = fallback
                .filter(|(_, reduced)| !tried.contains(reduced) && tried.len() <= MAX_FALLBACKS);
            let Some((rejection, reduced)) = fallback else {
                if matches!(error, AnswerError::Upstream(_)) {
                    self.experience().in_vain.extend(rejections);
                }
                return Err(error.into_attempt_error(retry_after));
            };
            rejections.push(rejection);
            tried.push(reduced);
            capabilities = reduced;
        }
    }

    /// Returns what the error may be about, and the capabilities of an upstream that does not accept it.
    fn fallback(
        &self,
        request: &ChatRequest,
        error: &UpstreamError,
        capabilities: Capabilities,
    ) -> Option<(Rejection, Capabilities)> {
        let mut roles = request.messages.iter().map(|message| message.role);
        let has_system_message = roles.any(|role| role == ChatRole::System);
        let parameters = request.parameters.or(self.settings.parameters);
        let is_about_effort = parameters.reasoning_effort.is_some() && error.is_about_effort();
        let experience = self.experience();
        let mut rejections = error.rejections().iter().copied().filter(|rejection| {
            let may_be_reason = match rejection {
                Rejection::SystemRole => has_system_message,
                Rejection::ReasoningSummary => !is_about_effort,
                Rejection::Field(_) => true,
            };
            may_be_reason && !experience.in_vain.contains(rejection)
        });
        rejections.find_map(|rejection| Some((rejection, capabilities.without(rejection)?)))
    }

    fn learn(&self, capabilities: Capabilities, rejections: &[Rejection]) {
        let mut experience = self.experience();
        experience.in_vain.clear();
        if !rejections.is_empty() {
            tracing::info!(?rejections, "upstream rejected a part of the request");
            experience.capabilities = capabilities;
        }
    }

    fn experience(&self) -> MutexGuard<'_, Experience> {
        self.experience.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends the request in this way. Returns when its answer begins.
    async fn request_with(
        &self,
        request: &ChatRequest,
        token: Option<&AccessToken>,
        capabilities: Capabilities,
        sent_at: Instant,
    ) -> Result<DeltaStream, RequestError> {
        let timeouts = self.settings.timeouts;
        let deadline = sent_at + timeouts.first_delta;
        let response = timeout_at(deadline, self.send(request, token, capabilities))
            .await
            .map_err(|elapsed| AttemptError::unreachable(AttemptErrorKind::TimedOut, elapsed))??;
        let retry_after = retry_after(response.status(), response.headers());
        if !response.status().is_success() {
            let error = read_error(response).await.into();
            return Err(RequestError { error, retry_after });
        }
        if let Some(encoding) = unsupported_encoding(response.headers()) {
            let cause =
                format!("the answer has the content encoding {encoding}, which is not supported");
            return Err(AttemptError::failed(AttemptErrorKind::Permanent, cause).into());
        }
        let max_bytes = max_stream_bytes(request.answer_limit.tokens());
        let model = self.reported_model.clone();
        let read_chunks: ReadChunks = match self.api {
            Api::Chat => openai_chat::chunks,
            Api::Responses => openai_responses::chunks,
        };
        read_answer(decompressed_body(response), max_bytes, sent_at, timeouts, model, read_chunks)
            .await
            .map_err(|error| RequestError { error, retry_after })
    }

    async fn send(
        &self,
        request: &ChatRequest,
        token: Option<&AccessToken>,
        capabilities: Capabilities,
    ) -> Result<Response, AttemptError> {
        let builder = self
            .client
            .post(self.settings.url.clone())
            .header(ACCEPT, "text/event-stream, application/json")
            // A compressed stream is often delayed. Some upstreams compress it nevertheless.
            .header(ACCEPT_ENCODING, "identity");
        let settings = &self.settings;
        let mut builder = match self.api {
            Api::Chat => builder.json(&openai_chat::Body::new(settings, capabilities, request)),
            Api::Responses => {
                builder.json(&openai_responses::Body::new(settings, capabilities, request))
            }
        };
        if let Some((name, value)) = &self.key {
            builder = builder.header(name, value);
        }
        if let Some(token) = token {
            builder = builder.header(AUTHORIZATION, token.header());
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

/// The operator's parameters that the API does not have are not sent.
fn warn_of_left_out(settings: &HttpSettings) {
    let parameters = openai_responses::left_out(&settings.parameters);
    if !parameters.is_empty() {
        let host = settings.url.host_str();
        tracing::warn!(host, ?parameters, "the Responses API does not have these parameters");
    }
}

async fn read_error(response: Response) -> UpstreamError {
    let status = response.status();
    let mut body = Vec::new();
    if unsupported_encoding(response.headers()).is_some() {
        return UpstreamError::from_response(status, &body);
    }
    let mut chunks = decompressed_body(response);
    let reading = async {
        while body.len() < MAX_ERROR_BODY_BYTES
            && let Some(Ok(bytes)) = chunks.next().await
        {
            body.extend_from_slice(&bytes);
        }
    };
    // A truncated body is evaluated too: the status alone says most.
    let _ = timeout(ERROR_BODY_TIMEOUT, reading).await;
    UpstreamError::from_response(status, &body)
}
