//! Converts the operator's settings into the settings of the crates.

use std::num::{NonZeroU32, NonZeroU64};
use std::sync::Arc;
use std::time::Duration;

use secrecy::ExposeSecret;
use url::Url;
use webchat_chat::{
    DailyTokenLimits, FileSettings, IdentityProvider, LegacyUsers, SingleSignOn, StoredBytesLimits,
};
use webchat_domain::ModelParameters;
use webchat_llm::{HttpSettings, ProxySettings, Timeouts, http_client};
use webchat_oidc::{Provider, ProviderSettings};
use webchat_persistence_mongo::flask_user_id;
use webchat_tokens::window_of;
use webchat_transport::{Limits, MetricsSettings, RenderMetrics, SignInProxy, SignUp};

use super::sections::{
    ConnectionSettings, LimitSettings, ModelSettings, OidcSettings, SessionSettings, Settings,
    StoreSettings, UploadSettings, proxy_url,
};
use crate::error::StartError;
use crate::telemetry::log_file;
use crate::telemetry::traces::continue_trace;

/// The context window of an unknown model, in tokens.
const DEFAULT_WINDOW: u32 = 128_000;

/// The id of the identity provider whose settings have none in their names.
pub(super) const DEFAULT_PROVIDER_ID: &str = "sso";

const MIB: u64 = 1024 * 1024;
const DAY: Duration = Duration::from_hours(24);

impl Settings {
    /// Returns the settings of the use cases.
    pub(crate) fn chat(&self) -> webchat_chat::Settings {
        let Self { model, limits, sessions, audit, .. } = self;
        webchat_chat::Settings {
            session_ttl: DAY * sessions.ttl_days,
            sign_in_idle_ttl: DAY * sessions.sign_in_idle_days,
            sign_in_ttl: DAY * sessions.sign_in_days,
            inactive_user_retention: sessions.inactive_user_retention(),
            audit_retention: limit(audit.kept_days).map(|days| DAY * days),
            admin_conversation_access: audit.conversation_access,
            system_prompt: model.system_prompt.clone(),
            auto_titles: model.auto_titles,
            files: self.files.files(),
            turns_per_user: limit(limits.turns_per_user),
            turns_per_network: limit(limits.turns_per_address),
            max_turns: limit(limits.max_turns),
            max_turn_duration: Duration::from_secs(model.max_turn_s),
            daily_tokens: limits.daily_tokens(),
            max_stored_bytes: self.storage.max_stored_bytes(),
        }
    }

    /// Returns the settings of the HTTP server.
    pub(crate) fn transport(
        &self,
        secret_key: Vec<u8>,
        max_tcp_connections: Option<usize>,
        render_metrics: Option<RenderMetrics>,
    ) -> webchat_transport::Settings {
        let Self { server, limits, .. } = self;
        webchat_transport::Settings {
            secret_key,
            public_url: server.public_url.clone(),
            allowed_origins: server.allowed_origins.clone(),
            auth: self.sessions.auth.unwrap_or_default(),
            password_sign_in: self.sessions.password_sign_in,
            sign_up: SignUp {
                is_possible: self.sessions.sign_up,
                domains: self.sessions.sign_up_domains.clone(),
            },
            sign_in_proxy: self.sessions.sign_in_proxy(),
            trusted_proxies: server.trusted_proxies.clone(),
            max_import_bytes: self.storage.max_import_size_mb * MIB,
            requests_per_second: NonZeroU32::new(limits.requests_per_second),
            requests_per_second_per_network: NonZeroU32::new(
                limits.requests_per_second_per_address,
            ),
            new_users_per_minute: NonZeroU32::new(limits.new_users_per_minute),
            new_users_per_minute_per_network: NonZeroU32::new(
                limits.new_users_per_minute_per_address,
            ),
            max_tcp_connections,
            limits: self.connections.limits(limits),
            continue_trace: continue_trace(&self.traces),
            effective: self.effective.clone(),
            metrics: render_metrics.map(|render| MetricsSettings {
                render,
                token: server.metrics_token.as_ref().map(|token| token.expose_secret().to_owned()),
            }),
            warnings: Some(Arc::new(log_file::warnings)),
        }
    }
}

impl Settings {
    /// Returns the identity providers.
    ///
    /// # Errors
    /// If a client can't be set up.
    pub(crate) fn single_sign_on(&self) -> Result<SingleSignOn, StartError> {
        let default = self.oidc.issuer.is_some().then_some((DEFAULT_PROVIDER_ID, &self.oidc));
        let further = self.oidc_providers.iter().map(|(id, settings)| (id.as_str(), settings));
        let providers = default.into_iter().chain(further);
        let providers = providers.map(|(id, settings)| self.identity_provider(id, settings));
        let providers = providers.collect::<Result<_, _>>()?;
        let claim = self.sessions.legacy_user_claim.clone();
        let legacy_users = claim.map(|claim| LegacyUsers { claim, user_id: flask_user_id });
        Ok(SingleSignOn { providers, legacy_users })
    }

    fn identity_provider(
        &self,
        id: &str,
        settings: &OidcSettings,
    ) -> Result<IdentityProvider, StartError> {
        let issuer = settings.issuer.clone().unwrap_or_default();
        let public_url = self.server.public_url.as_ref().map_or("", Url::as_str);
        let callback =
            format!("{}/api/v1/auth/oidc/{id}/callback", public_url.trim_end_matches('/'));
        let (issuer_url, redirect_uri) = (issuer.parse(), callback.parse());
        // Both are URLs, because the settings are checked.
        let (Ok(issuer_url), Ok(redirect_uri)) = (issuer_url, redirect_uri) else {
            return Err(StartError::IdentityProvider { id: id.to_owned() });
        };
        // The proxy of the model applies, because it is that of the operator's network.
        let proxy = self.model.proxy_for(&issuer_url);
        let client = http_client(&HttpSettings { proxy, ..HttpSettings::new(issuer_url) })?;
        let client = Provider::new(
            ProviderSettings {
                id: id.to_owned(),
                name: settings.name.clone(),
                issuer,
                client_id: settings.client_id.clone().unwrap_or_default(),
                client_secret: settings.client_secret.clone(),
                scopes: settings.scopes.clone(),
                redirect_uri,
                allowed_tenants: settings.allowed_tenants.clone(),
            },
            client,
        );
        Ok(IdentityProvider {
            client,
            trusts_email: settings.trust_email,
            allowed_domains: settings.allowed_domains.clone(),
            role_claim: settings.role_claim.clone(),
            admin_groups: settings.admin_groups.clone(),
            auditor_groups: settings.auditor_groups.clone(),
            group_claim: settings.group_claim.clone(),
            stored_groups: settings.stored_groups.iter().flat_map(|name| name.parse()).collect(),
        })
    }
}

impl ModelSettings {
    /// Returns the settings of the client for the only model, if there is one.
    pub(crate) fn http(&self) -> Option<HttpSettings> {
        Some(HttpSettings {
            api_key: self.api_key.clone(),
            auth: self.auth,
            token_source: None,
            model: self.name.clone(),
            tokens_field: self.tokens_field,
            parameters: ModelParameters {
                temperature: self.temperature,
                top_p: self.top_p,
                presence_penalty: self.presence_penalty,
                frequency_penalty: self.frequency_penalty,
                seed: self.seed,
                reasoning_effort: self.reasoning_effort,
            },
            ..self.http_at(&self.url.as_ref()?.0)
        })
    }

    /// Returns the settings that all models have in common, for this URL.
    pub(crate) fn http_at(&self, url: &Url) -> HttpSettings {
        HttpSettings {
            timeouts: Timeouts {
                connect: Duration::from_secs(self.connect_timeout_s),
                first_delta: Duration::from_secs(self.first_delta_timeout_s),
                idle: Duration::from_secs(self.idle_timeout_s),
            },
            proxy: self.proxy_for(url),
            ..HttpSettings::new(url.clone())
        }
    }

    /// Returns the proxy for requests to this URL.
    pub(super) fn proxy_for(&self, url: &Url) -> Option<ProxySettings> {
        let is_https = url.scheme() == "https";
        let for_scheme = if is_https { &self.https_proxy } else { &self.http_proxy };
        let url = proxy_url(for_scheme.as_ref().or(self.all_proxy.as_ref())?.expose_secret())?;
        Some(ProxySettings { url, except: self.no_proxy.clone().unwrap_or_default() })
    }
}

impl UploadSettings {
    fn files(&self) -> FileSettings {
        let extension = |text: &String| text.trim_start_matches('.').to_lowercase();
        FileSettings {
            max_bytes: self.max_bytes(),
            extensions: self.allowed_extensions.iter().map(extension).collect(),
            part_tokens: self.chunk_size_tokens,
            concurrency: self.concurrency,
            per_user: self.per_user,
        }
    }

    #[expect(
        clippy::as_conversions,
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "the numbers are small and positive"
    )]
    fn max_bytes(&self) -> usize {
        (self.max_size_mb * MIB as f64) as usize
    }
}

impl SessionSettings {
    fn sign_in_proxy(&self) -> Option<SignInProxy> {
        SignInProxy::new(
            self.auth_header.as_deref()?,
            self.auth_header_groups.as_deref(),
            self.auth_header_proxies.clone(),
        )
    }

    fn inactive_user_retention(&self) -> Option<Duration> {
        limit(self.inactive_users_kept_days).map(|days| DAY * days)
    }
}

impl LimitSettings {
    fn daily_tokens(&self) -> DailyTokenLimits {
        DailyTokenLimits {
            per_user: NonZeroU64::new(self.daily_tokens_per_user),
            per_network: NonZeroU64::new(self.daily_tokens_per_address),
            total: NonZeroU64::new(self.daily_tokens),
        }
    }
}

impl StoreSettings {
    fn max_stored_bytes(&self) -> StoredBytesLimits {
        let bytes = |mib| limit(mib).map(|mib| u64::from(mib) * MIB);
        StoredBytesLimits {
            per_user: bytes(self.max_stored_mb_per_user),
            total: bytes(self.max_stored_mb),
        }
    }
}

impl ConnectionSettings {
    fn limits(&self, limits: &LimitSettings) -> Limits {
        Limits {
            messages_per_second: self.messages_per_s,
            connections_per_user: self.per_user,
            connections_per_network: limits.connections_per_address,
            max_connections: limits.max_connections,
            idle_timeout: Duration::from_secs(self.idle_s),
            send_timeout: Duration::from_secs(self.slowest_s),
            max_frame: self.max_frame_kb.saturating_mul(1024),
            max_message: self.max_message_kb.saturating_mul(1024),
        }
    }
}

/// Returns the size of the context window: the configured one, or that of a known model, or the default.
pub(crate) fn window_tokens(configured: Option<u32>, model: Option<&str>) -> u32 {
    configured.or_else(|| window_of(model?)).unwrap_or(DEFAULT_WINDOW)
}

/// Returns `None` for 0, which means no limit.
fn limit(number: u32) -> Option<u32> {
    (number > 0).then_some(number)
}
