//! The settings of a model over HTTP.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use serde::Deserialize;
use url::Url;
use webchat_domain::ModelParameters;

use crate::TokenSource;

/// The settings of a deployment of an [`HttpChatModel`](crate::HttpChatModel).
#[derive(Clone)]
pub struct HttpSettings {
    /// The full URL of the chat completions, or of the Responses API if its path ends with `/responses`, including its
    /// query.
    pub url: Url,
    /// The API key. Most local servers need none.
    pub api_key: Option<SecretString>,
    /// How the key is sent.
    pub auth: Auth,
    /// The source of the access tokens, for [`Auth::Entra`].
    pub token_source: Option<Arc<dyn TokenSource>>,
    /// The model's name. The address of an Azure deployment includes it already.
    pub model: Option<String>,
    /// The field that limits the length of an answer.
    pub tokens_field: TokensField,
    /// The sampling parameters for requests that do not set them.
    pub parameters: ModelParameters,
    /// The timeouts of a request.
    pub timeouts: Timeouts,
    /// The proxy to use, unless the model runs on this machine. The environment's proxies are ignored.
    pub proxy: Option<ProxySettings>,
    /// Further headers of each request.
    pub request_headers: Option<RequestHeaders>,
}

/// The settings of a deployment of a model.
#[derive(Clone, Debug)]
pub struct DeploymentSettings {
    /// Its name, for operators. It is unique among the deployments of the model.
    pub name: String,
    /// Deployments with a lower number are asked first.
    pub order: u32,
    /// The share of the requests among deployments with the same order, at least 1.
    pub weight: u32,
    /// How its requests are sent.
    pub http: HttpSettings,
}

impl DeploymentSettings {
    /// Returns the settings of the only deployment of a model.
    #[must_use]
    pub fn only(http: HttpSettings) -> Self {
        Self { name: "default".to_owned(), order: 1, weight: 1, http }
    }
}

/// Returns names and values of headers. It is called within the span of the request that they are for.
pub type RequestHeaders = Arc<dyn Fn() -> Vec<(String, String)> + Send + Sync>;

/// An HTTP, HTTPS or SOCKS proxy, depending on the scheme of its address.
#[derive(Clone)]
pub struct ProxySettings {
    /// Its address, with a user name and a password if it requires them.
    pub url: Url,
    /// Hosts that bypass the proxy, in the format of `NO_PROXY`.
    pub except: String,
}

/// The field of a request that limits the length of an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokensField {
    /// `max_tokens` at first. If the model rejects the field as unknown, the other one is used.
    #[default]
    Auto,
    /// `max_tokens`, which most servers accept.
    MaxTokens,
    /// `max_completion_tokens`, which OpenAI's newer models require.
    MaxCompletionTokens,
}

/// How the key is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Auth {
    /// In the `api-key` header to Azure, which is detected by the address, and as `Authorization:
    /// Bearer` to others.
    #[default]
    Auto,
    /// In the `api-key` header.
    ApiKey,
    /// As `Authorization: Bearer`.
    Bearer,
    /// Not at all: an access token of Microsoft Entra ID is sent as `Authorization: Bearer`.
    Entra,
    /// Not at all.
    None,
}

/// The timeouts of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// The maximum time to connect, including TLS.
    pub connect: Duration,
    /// The maximum time from the request to the first text or reasoning of the answer.
    pub first_delta: Duration,
    /// The maximum time between two chunks of the answer.
    pub idle: Duration,
}

impl HttpSettings {
    /// Creates the settings of a model at `url`, with defaults for the rest.
    #[must_use]
    pub fn new(url: Url) -> Self {
        Self {
            url,
            api_key: None,
            auth: Auth::default(),
            token_source: None,
            model: None,
            tokens_field: TokensField::default(),
            parameters: ModelParameters::default(),
            timeouts: Timeouts::default(),
            proxy: None,
            request_headers: None,
        }
    }
}

impl Default for Timeouts {
    /// Returns ten seconds to connect, two minutes to the first chunk, and one minute between chunks.
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            first_delta: Duration::from_mins(2),
            idle: Duration::from_mins(1),
        }
    }
}

/// Shows only the host of the address, because some providers take the key in the query.
impl fmt::Debug for HttpSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpSettings")
            .field("host", &self.url.host_str())
            .field("api_key", &self.api_key)
            .field("auth", &self.auth)
            .field("model", &self.model)
            .field("tokens_field", &self.tokens_field)
            .field("parameters", &self.parameters)
            .field("timeouts", &self.timeouts)
            .field("proxy", &self.proxy)
            .finish_non_exhaustive()
    }
}

/// Shows only the host of the address, which may contain a password.
impl fmt::Debug for ProxySettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProxySettings")
            .field("host", &self.url.host_str())
            .field("except", &self.except)
            .finish()
    }
}
