//! Requests to an endpoint that issues tokens: bounded in time and size, and without redirects.

use std::time::Duration;

use reqwest::{Client, RequestBuilder, StatusCode};
use tokio::time::timeout;
use url::Url;
use webchat_domain::error_chain;

use crate::http::client::http_client;
use crate::http::retry_after::retry_after;
use crate::{HttpSettings, ProxySettings, SetupError, Timeouts, TokenError};

/// The maximum time for a request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// The maximum size of a response in bytes. A token has a few thousand.
const MAX_RESPONSE_BYTES: usize = 64 * 1024;

/// An endpoint that issues tokens.
pub(super) struct Endpoint {
    pub(super) client: Client,
    pub(super) url: Url,
}

/// A response of an endpoint.
pub(super) struct EndpointResponse {
    pub(super) status: StatusCode,
    pub(super) retry_after: Option<Duration>,
    pub(super) body: Vec<u8>,
}

impl Endpoint {
    pub(super) fn new(
        url: Url,
        connect_timeout: Duration,
        proxy: Option<ProxySettings>,
    ) -> Result<Self, SetupError> {
        let timeouts = Timeouts { connect: connect_timeout, ..Timeouts::default() };
        let settings = HttpSettings { timeouts, proxy, ..HttpSettings::new(url) };
        Ok(Self { client: http_client(&settings)?, url: settings.url })
    }

    /// The host and the port, for the log.
    pub(super) fn host(&self) -> String {
        let host = self.url.host_str().unwrap_or_default();
        self.url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }

    /// Sends a request, and returns the response, whatever its status is.
    pub(super) async fn send(
        &self,
        request: RequestBuilder,
    ) -> Result<EndpointResponse, TokenError> {
        let failed = |cause: String| {
            TokenError::unavailable(format!("{} can't be reached: {cause}", self.host()))
        };
        let response = timeout(REQUEST_TIMEOUT, receive(request)).await;
        response.map_err(|_| failed("no response in time".to_owned()))?.map_err(failed)
    }
}

/// Returns the response, or why there is none, without secrets.
async fn receive(request: RequestBuilder) -> Result<EndpointResponse, String> {
    let cause = |error: reqwest::Error| error_chain(&error.without_url());
    let mut response = request.send().await.map_err(cause)?;
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(cause)? {
        if body.len() + chunk.len() > MAX_RESPONSE_BYTES {
            return Err(format!("the response is larger than {MAX_RESPONSE_BYTES} bytes"));
        }
        body.extend_from_slice(&chunk);
    }
    let status = response.status();
    Ok(EndpointResponse { status, retry_after: retry_after(status, response.headers()), body })
}
