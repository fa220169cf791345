//! The settings of the server.

mod effective;

use std::num::NonZeroU32;
use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::web::Data;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use tracing::Span;
use url::Url;
use utoipa::ToSchema;
use webchat_chat::{Chat, ChatError};
use webchat_domain::{AccountName, Session};

pub use self::effective::{EffectiveSetting, EffectiveSettings, SettingsSection};
use crate::allowed_origin::AllowedOrigin;
use crate::base_path::BasePath;
use crate::extract::credential::sign_in_proxy::SignInProxy;
use crate::realtime::limits::Limits;

/// The operator's settings for the server.
#[derive(Clone)]
pub struct Settings {
    /// The key that signs and encrypts the session cookie: at least 32 bytes, the same on all instances.
    pub secret_key: Vec<u8>,
    /// The URL under which users reach the server, if it is not the address that the server listens on. With
    /// `https`, browsers send the session cookie only over HTTPS. If [`BasePath::of`] accepts its path, the server
    /// responds with and without the path, so that a proxy may remove it.
    pub public_url: Option<Url>,
    /// Other origins whose pages and apps may use the server.
    pub allowed_origins: Vec<AllowedOrigin>,
    /// Who may use the server.
    pub auth: AuthMode,
    /// Whether users sign in with passwords.
    pub password_sign_in: bool,
    /// Whether visitors may add accounts of their own.
    pub sign_up: SignUp,
    /// The proxies that sign users in, if there are any.
    pub sign_in_proxy: Option<SignInProxy>,
    /// The addresses of the proxies in front of the server. Only their `X-Forwarded-For` and `Forwarded`
    /// are trusted.
    pub trusted_proxies: Vec<IpNet>,
    /// The maximum size of an imported file, in bytes.
    pub max_import_bytes: u64,
    /// The maximum number of requests per second from one session; a burst may have four times as many.
    /// `None` means unlimited.
    pub requests_per_second: Option<NonZeroU32>,
    /// The maximum number of requests per second from one client network; a burst may have four times as many.
    /// `None` means unlimited.
    pub requests_per_second_per_network: Option<NonZeroU32>,
    /// The maximum number of new users per minute, from all networks together. `None` means unlimited.
    pub new_users_per_minute: Option<NonZeroU32>,
    /// The maximum number of new users per minute from one client network. `None` means unlimited.
    pub new_users_per_minute_per_network: Option<NonZeroU32>,
    /// The maximum number of TCP connections, of all kinds. `None` means unlimited.
    pub max_tcp_connections: Option<usize>,
    /// The limits of live connections.
    pub limits: Limits,
    /// The settings of the metrics. If `None`, there is no route for them.
    pub metrics: Option<MetricsSettings>,
    /// Returns the warnings in the response of `GET /readyz`: failures that do not make the server unready.
    pub warnings: Option<ReadinessWarnings>,
    /// All settings of the operator, for the admin area.
    pub effective: EffectiveSettings,
    /// Continues the traces of clients. If `None`, each request starts a new trace.
    pub continue_trace: Option<ContinueTrace>,
}

/// Who may use the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum AuthMode {
    /// Everybody. Each browser is a user of its own, and nobody can sign in.
    #[default]
    None,
    /// Everybody. Users who sign in have their conversations on all of their devices.
    Optional,
    /// Only users who sign in.
    Required,
}

impl AuthMode {
    /// Returns whether a session gives access. With [`AuthMode::None`], nobody is signed in, and accounts are not read.
    pub(crate) async fn accepts(self, chat: &Chat, session: &Session) -> Result<bool, ChatError> {
        match self {
            Self::None => Ok(session.sign_in.is_none()),
            Self::Optional | Self::Required => chat.accounts.accepts(session).await,
        }
    }

    /// Returns the mode of the server that handles this request.
    pub(crate) fn of(request: &HttpRequest) -> Self {
        request.app_data::<Data<Self>>().map_or(Self::None, |mode| *mode.get_ref())
    }
}

/// The URL under which users reach the server, if it is known.
#[derive(Clone, Debug)]
pub(crate) struct PublicUrl(pub(crate) Option<Url>);

/// Whether users sign in with passwords.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PasswordSignIn(pub(crate) bool);

/// Whether visitors may add accounts of their own.
#[derive(Clone, Debug, Default)]
pub struct SignUp {
    /// Whether they may.
    pub is_possible: bool,
    /// The names must be e-mail addresses of these domains, in lower case, unless there are none. Nobody verifies the
    /// addresses.
    pub domains: Vec<String>,
}

impl SignUp {
    /// Returns whether an account of this name may be added.
    pub(crate) fn allows(&self, name: &AccountName) -> bool {
        let domain = name.as_str().rsplit_once('@').map(|(_, domain)| domain);
        self.domains.is_empty()
            || domain.is_some_and(|domain| self.domains.iter().any(|allowed| allowed == domain))
    }
}

impl Settings {
    /// Returns the path under which users reach the server.
    pub(crate) fn base_path(&self) -> BasePath {
        self.public_url.as_ref().and_then(BasePath::of).unwrap_or_default()
    }
}

/// The settings of `GET /metrics`.
#[derive(Clone)]
pub struct MetricsSettings {
    /// Renders the response.
    pub render: RenderMetrics,
    /// The required bearer token. If `None`, every client may read the metrics.
    pub token: Option<String>,
}

/// Makes a span, which must not have been entered yet, part of the trace in a request's `traceparent`. The
/// `tracestate` is ignored, because it would be passed on to the model's provider.
pub type ContinueTrace = Arc<dyn Fn(&Span, &str) + Send + Sync>;

/// Renders the current metrics in Prometheus' text format.
pub type RenderMetrics = Arc<dyn Fn() -> String + Send + Sync>;

/// Returns a sentence for each failure, without secrets, because anyone can read it.
pub type ReadinessWarnings = Arc<dyn Fn() -> Vec<&'static str> + Send + Sync>;
