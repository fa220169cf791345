use std::fmt;
use std::time::Duration;

use secrecy::SecretString;
use url::Url;
use webchat_domain::ModelParameters;

/// Where the model is, and how it is spoken to.
#[derive(Clone)]
pub struct HttpSettings {
    /// The full address of chat completions, with its query.
    pub url: Url,
    /// The key; most local servers need none.
    pub api_key: Option<SecretString>,
    /// How the key is sent.
    pub auth: Auth,
    /// The model's name; an Azure deployment's address says it already.
    pub model: Option<String>,
    /// How the length of an answer is bounded.
    pub tokens_field: TokensField,
    /// How the model is to choose its words, where a request does not say it.
    pub parameters: ModelParameters,
    /// How long is waited for what.
    pub timeouts: Timeouts,
    /// The proxy on the way to the model, unless that runs on this machine. Those of the environment
    /// are not looked for.
    pub proxy: Option<ProxySettings>,
}

/// A proxy: HTTP, HTTPS or SOCKS, by the scheme of its address.
#[derive(Clone)]
pub struct ProxySettings {
    /// Its address, with a user and a password where it wants them.
    pub url: Url,
    /// Hosts to which no proxy leads, as in `NO_PROXY`.
    pub except: String,
}

/// The field of a request that bounds the length of an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TokensField {
    /// `max_tokens`, until the model says that it wants the other, or the other way around.
    #[default]
    Auto,
    /// `max_tokens`, which most servers know.
    MaxTokens,
    /// `max_completion_tokens`, which OpenAI's newer models want.
    MaxCompletionTokens,
}

/// How the key is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Auth {
    /// As `api-key` to Azure, which is told by the address, and as `Authorization: Bearer` to others.
    #[default]
    Auto,
    /// In the `api-key` header.
    ApiKey,
    /// As `Authorization: Bearer`.
    Bearer,
    /// Not at all.
    None,
}

/// How long is waited for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// For the connection, with TLS.
    pub connect: Duration,
    /// From the request to the first chunk of the answer.
    pub first_delta: Duration,
    /// From one chunk of the answer to the next.
    pub idle: Duration,
}

impl HttpSettings {
    /// A model at `url`, with everything else at its default.
    #[must_use]
    pub fn new(url: Url) -> Self {
        Self {
            url,
            api_key: None,
            auth: Auth::default(),
            model: None,
            tokens_field: TokensField::default(),
            parameters: ModelParameters::default(),
            timeouts: Timeouts::default(),
            proxy: None,
        }
    }
}

impl Default for Timeouts {
    /// Ten seconds, two minutes and one minute.
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            first_delta: Duration::from_mins(2),
            idle: Duration::from_mins(1),
        }
    }
}

/// Shows only the host of the address: some providers take the key in its query.
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
            .finish()
    }
}

/// Shows only the host of the address, which may hold a password.
impl fmt::Debug for ProxySettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProxySettings")
            .field("host", &self.url.host_str())
            .field("except", &self.except)
            .finish()
    }
}
