//! All settings, by section.

mod audit;
mod connections;
mod entra;
mod files;
mod limits;
mod log;
mod model;
mod models;
mod oidc;
mod server;
mod sessions;
mod storage;
mod traces;

pub use self::audit::AuditSettings;
pub use self::connections::ConnectionSettings;
pub use self::entra::EntraSettings;
pub use self::files::UploadSettings;
pub use self::limits::LimitSettings;
pub use self::log::{LogFormat, LogSettings};
pub(super) use self::model::{AUTH_METHODS, EFFORTS, MODEL_URL, PENALTY, TOKENS_FIELDS, proxy_url};
pub use self::model::{ModelSettings, RedactedUrl};
pub use self::models::{DeploymentEntry, ModelEntry};
pub use self::oidc::OidcSettings;
pub(super) use self::oidc::{OIDC_PREFIX, is_provider_table, provider_in};
pub use self::server::{AppEnv, ServerSettings};
pub use self::sessions::SessionSettings;
pub use self::storage::StoreSettings;
pub use self::traces::TraceSettings;

use serde::Deserialize;
use webchat_transport::EffectiveSettings;

use super::declaration::{Section, Setting};

/// The settings, by section of the configuration file. Each field has the name of its variable.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the types of the sections have the documentation")]
pub struct Settings {
    pub model: ModelSettings,
    pub entra: EntraSettings,
    pub files: UploadSettings,
    pub server: ServerSettings,
    pub storage: StoreSettings,
    pub sessions: SessionSettings,
    pub oidc: OidcSettings,
    /// The further providers, with their ids.
    #[serde(skip)]
    pub oidc_providers: Vec<(String, OidcSettings)>,
    pub limits: LimitSettings,
    pub connections: ConnectionSettings,
    pub log: LogSettings,
    pub audit: AuditSettings,
    pub traces: TraceSettings,
    /// The models of the configuration file. If there are none, `model` has the only one.
    #[serde(skip)]
    pub models: Vec<ModelEntry>,
    /// All values with their sources, without secrets.
    #[serde(skip)]
    pub effective: EffectiveSettings,
}

/// All sections, in the order of the examples.
pub(super) const SECTIONS: [&Section; 12] = [
    &ModelSettings::SECTION,
    &EntraSettings::SECTION,
    &UploadSettings::SECTION,
    &ServerSettings::SECTION,
    &StoreSettings::SECTION,
    &SessionSettings::SECTION,
    &OidcSettings::SECTION,
    &LimitSettings::SECTION,
    &ConnectionSettings::SECTION,
    &LogSettings::SECTION,
    &AuditSettings::SECTION,
    &TraceSettings::SECTION,
];

/// All settings, in the order of the examples.
pub(super) fn settings() -> impl Iterator<Item = &'static Setting> {
    SECTIONS.into_iter().flat_map(|section| section.settings)
}
