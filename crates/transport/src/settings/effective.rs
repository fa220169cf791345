//! The operator's settings with their sources, for the admin area.

use serde::Serialize;
use utoipa::ToSchema;

/// The settings that are in effect. They are set in the server's environment or configuration file, and read when it
/// starts.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
#[schema(as = AdminSettings)]
pub struct EffectiveSettings {
    /// In the order of the documentation.
    pub sections: Vec<SettingsSection>,
}

/// A section of the settings.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SettingsSection {
    /// The name in the configuration file.
    #[schema(examples("server"))]
    pub name: String,
    /// The settings.
    pub settings: Vec<EffectiveSetting>,
}

/// A setting and its value.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct EffectiveSetting {
    /// The key in the section of the configuration file.
    #[schema(examples("port"))]
    pub key: String,
    /// The environment variable.
    #[schema(examples("PORT"))]
    pub variable: String,
    /// A string, number, truth value or list of strings; `null` if the setting is not set, or its value is secret.
    #[schema(required = true, value_type = Option<Value>)]
    pub value: Option<serde_json::Value>,
    /// Where the value is from: `default`, `the environment`, `.env`, or the path of the configuration file; `null` if
    /// the setting is not set.
    #[schema(required = true)]
    pub source: Option<String>,
}

impl EffectiveSetting {
    /// Returns whether the setting has a value that is not shown, because it is or contains a secret.
    #[must_use]
    pub fn is_secret(&self) -> bool {
        self.value.is_none() && self.source.is_some()
    }
}
