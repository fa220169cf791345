//! Renders the effective settings for `webchat config print`.

use serde_json::Value;
use webchat_transport::{EffectiveSetting, EffectiveSettings, SettingsSection};

use super::super::error::{DOTENV, ENVIRONMENT};

const HEADER: &str = "\
# The effective settings of Webchat, with the source of each value, as a configuration file. Secrets are commented out.
";

/// Returns the settings as a configuration file, with the source of each value.
pub(in crate::settings) fn render(settings: &EffectiveSettings) -> String {
    let sections: Vec<String> = settings.sections.iter().map(render_section).collect();
    format!("{HEADER}\n{}", sections.join("\n"))
}

fn render_section(section: &SettingsSection) -> String {
    let lines = section.settings.iter().map(render_setting);
    format!("[{}]\n{}", section.name, lines.collect::<String>())
}

fn render_setting(setting: &EffectiveSetting) -> String {
    let EffectiveSetting { key, variable, value, source } = setting;
    let Some(source) = source else { return format!("# {key} is not set\n") };
    let source = match source.as_str() {
        DOTENV | ENVIRONMENT => format!("{variable} in {source}"),
        _ => source.clone(),
    };
    match value {
        None => format!("# {key} = \"…\" # secret, from {source}\n"),
        Some(value) => format!("{key} = {} # {source}\n", literal(value)),
    }
}

/// Returns the value as TOML.
fn literal(value: &Value) -> String {
    toml::Value::try_from(value).map_or_else(|_| value.to_string(), |value| value.to_string())
}
