//! The settings: their declaration, their sources, and how they are merged and checked.

mod checks;
mod config_file;
mod declaration;
mod dotenv;
mod effective;
mod entra;
mod error;
mod example;
mod identity_providers;
mod kind;
mod merged;
mod models;
mod sections;
mod sources;
mod suggestions;
mod wiring;

use webchat_llm::Auth;
use webchat_transport::EffectiveSettings;

use self::checks::check;
pub use self::error::{InvalidSetting, SettingsError};
pub use self::example::SettingsFormat;
use self::merged::Merged;
use self::sections::SECTIONS;
pub use self::sections::{
    AppEnv, AuditSettings, ConnectionSettings, DeploymentEntry, EntraSettings, LimitSettings,
    LogFormat, LogSettings, ModelEntry, ModelSettings, OidcSettings, RedactedUrl, ServerSettings,
    SessionSettings, Settings, StoreSettings, TraceSettings, UploadSettings,
};
pub use self::sources::SettingsSources;
pub(crate) use self::wiring::window_tokens;

impl Settings {
    /// Reads all settings.
    ///
    /// # Errors
    /// All invalid settings together.
    pub fn read(sources: &SettingsSources) -> Result<Self, SettingsError> {
        let mut merged = checked(sources);
        let oidc_providers = identity_providers::read(&mut merged, sources);
        let models = models::read(&mut merged, sources);
        let mut deployments = models.iter().flat_map(|model| &model.deployments);
        if deployments.any(|deployment| deployment.auth == Auth::Entra) {
            entra::check_credential(&mut merged);
        }
        let mut sections = effective::sections(&merged);
        sections.extend(identity_providers::effective_sections(&merged, sources));
        if models::is_configured(sources) {
            for section in &mut sections {
                section.settings.retain(|setting| !models::replace(&setting.variable));
            }
            sections.extend(models::effective_sections(sources));
        }
        let effective = EffectiveSettings { sections };
        Ok(Self { oidc_providers, models, effective, ..merged.read()? })
    }
}

impl StoreSettings {
    /// Reads only these settings, for commands that need no model. The whole configuration file must be valid.
    ///
    /// # Errors
    /// All invalid settings together.
    pub fn read(sources: &SettingsSources) -> Result<Self, SettingsError> {
        let mut merged = Merged::new(sources);
        merged.check(&[&Self::SECTION]);
        merged.read_section(&Self::SECTION)
    }
}

impl SettingsSources {
    /// Returns `MODEL`, which determines the tokenizer.
    #[must_use]
    pub fn model(&self) -> Option<String> {
        Merged::new(self).get("MODEL")
    }

    /// Returns the settings as a configuration file, with the source of each value and without secrets.
    ///
    /// # Errors
    /// All invalid settings together.
    pub fn render(&self) -> Result<String, SettingsError> {
        Ok(effective::print::render(&Settings::read(self)?.effective))
    }
}

/// Merges the sources and checks all settings.
fn checked(sources: &SettingsSources) -> Merged {
    let mut merged = Merged::new(sources);
    merged.check(&SECTIONS);
    check(&mut merged, models::is_configured(sources));
    entra::check(&mut merged);
    merged
}

#[cfg(test)]
mod tests;
