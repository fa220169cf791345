//! Tests of the settings.

mod dotenv;
mod entra;
mod examples;
mod files;
mod identity_providers;
mod layers;
mod print;
mod values;

use super::sources::ConfigFile;
use super::*;

const URL: (&str, &str) = ("AZURE_API_URL", "http://127.0.0.1:9/v1/chat/completions");

fn read(variables: &[(&str, &str)]) -> Result<Settings, SettingsError> {
    Settings::read(&variables.iter().copied().collect())
}

/// Returns sources with this `webchat.toml`, and with the URL of a model in the environment.
fn with_file(text: &str) -> SettingsSources {
    let file = ConfigFile { path: "webchat.toml".to_owned(), text: text.to_owned() };
    SettingsSources { file: Some(file), ..[URL].into_iter().collect() }
}

/// Returns the values of all settings as text, without their sources.
fn read_values(sources: &SettingsSources) -> String {
    let settings = Settings::read(sources).unwrap();
    format!("{:?}", Settings { effective: EffectiveSettings::default(), ..settings })
}
