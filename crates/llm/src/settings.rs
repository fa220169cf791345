use std::fmt;
use std::time::Duration;

use secrecy::SecretString;
use url::Url;

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
    /// How long is waited for what.
    pub timeouts: Timeouts,
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
            timeouts: Timeouts::default(),
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
            .field("timeouts", &self.timeouts)
            .finish()
    }
}
