//! Requests to the provider: bounded in time, size and number, and without redirects.

use std::pin::Pin;
use std::time::Duration;

use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse};
use reqwest::{Client, Request};
use thiserror::Error;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use webchat_domain::error_chain;

use crate::error::OidcError;

/// The maximum time for an operation with all of its requests.
pub(crate) const OPERATION_TIMEOUT: Duration = Duration::from_secs(10);

/// The maximum time for a request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(8);

/// The maximum size of a response in bytes. A token with 2,000 groups has about 100 KB.
const MAX_RESPONSE_BYTES: usize = 1024 * 1024;

/// The maximum number of concurrent requests to a provider.
const MAX_REQUESTS: usize = 16;

/// The HTTP client of a provider.
pub(crate) struct Http {
    /// It must not follow redirects.
    client: Client,
    permits: Semaphore,
}

/// The reason why there is no response.
#[derive(Debug, Error)]
pub(crate) enum HttpError {
    #[error("it does not respond in time")]
    TimedOut,
    #[error("its response is larger than {MAX_RESPONSE_BYTES} bytes")]
    TooLarge,
    #[error("{0}")]
    Failed(String),
}

impl Http {
    pub(crate) fn new(client: Client) -> Self {
        Self { client, permits: Semaphore::new(MAX_REQUESTS) }
    }

    /// Sends a request, and returns the response, whatever its status is.
    pub(crate) async fn send(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        timeout(REQUEST_TIMEOUT, self.send_unlimited(request))
            .await
            .map_err(|_| HttpError::TimedOut)?
    }

    /// Reads a document.
    pub(crate) async fn get(&self, url: &str, bearer: Option<&str>) -> Result<Vec<u8>, OidcError> {
        let unavailable = |error: HttpError| OidcError::Unavailable(error.to_string());
        let mut request =
            openidconnect::http::Request::get(url).header("accept", "application/json");
        if let Some(token) = bearer {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let request = request.body(Vec::new());
        let request = request.map_err(|_| OidcError::Invalid("an endpoint is invalid".into()))?;
        let response = self.send(request).await.map_err(unavailable)?;
        let status = response.status();
        if status.is_success() {
            Ok(response.into_body())
        } else {
            Err(OidcError::Unavailable(format!("its status is {}", status.as_u16())))
        }
    }

    async fn send_unlimited(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let failed = |error: reqwest::Error| HttpError::Failed(error_chain(&error.without_url()));
        let _permit = self.permits.acquire().await;
        let request = Request::try_from(request).map_err(failed)?;
        let mut response = self.client.execute(request).await.map_err(failed)?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if body.len() + chunk.len() > MAX_RESPONSE_BYTES {
                return Err(HttpError::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        let mut complete = HttpResponse::new(body);
        *complete.status_mut() = response.status();
        std::mem::swap(complete.headers_mut(), response.headers_mut());
        Ok(complete)
    }
}

impl<'c> AsyncHttpClient<'c> for Http {
    type Error = HttpError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, HttpError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(async move {
            let response = self.send(request).await?;
            let status = response.status();
            if status.is_server_error() {
                return Err(HttpError::Failed(format!("its status is {}", status.as_u16())));
            }
            Ok(response)
        })
    }
}

/// Runs an operation within its time limit.
pub(crate) async fn within<T>(
    operation: impl Future<Output = Result<T, OidcError>>,
) -> Result<T, OidcError> {
    let unavailable = || OidcError::Unavailable(HttpError::TimedOut.to_string());
    timeout(OPERATION_TIMEOUT, operation).await.unwrap_or_else(|_| Err(unavailable()))
}
