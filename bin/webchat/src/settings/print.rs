//! Renders the effective settings for `webchat config print`.

use config::{Value, ValueKind};

use super::declaration::{Section, Setting};
use super::merged::{DEFAULT, Merged, is_from_file};
use super::sections::SECTIONS;

const HEADER: &str = "\
# The effective settings of Webchat, with the source of each value, as a configuration file. Secrets are commented out.
";

/// Returns the settings as a configuration file, with the source of each value.
pub(super) fn render(merged: &Merged) -> String {
    let sections = SECTIONS.map(|section| render_section(merged, section));
    format!("{HEADER}\n{}", sections.join("\n"))
}

pub(super) fn render_section(merged: &Merged, section: &Section) -> String {
    let lines = section.settings.iter().map(|setting| render_setting(merged, setting));
    format!("[{}]\n{}", section.name, lines.collect::<String>())
}

fn render_setting(merged: &Merged, setting: &Setting) -> String {
    let key = setting.key;
    match merged.value(setting) {
        None => format!("# {key} is not set\n"),
        Some(value) if !setting.kind.may_show(&value.kind) => {
            format!("# {key} = \"…\" # secret, from {}\n", source(setting, value))
        }
        Some(value) => format!("{key} = {} # {}\n", literal(&value.kind), source(setting, value)),
    }
}

/// Describes the source of a value; for a variable, with its name.
fn source(setting: &Setting, value: &Value) -> String {
    let source = value.origin().unwrap_or(DEFAULT);
    if source == DEFAULT || is_from_file(value) {
        source.to_owned()
    } else {
        format!("{} in {source}", setting.variable)
    }
}

/// Returns the value as TOML.
pub(super) fn literal(value: &ValueKind) -> String {
    match value {
        ValueKind::String(text) => toml::Value::from(text.as_str()).to_string(),
        ValueKind::Float(number) => toml::Value::from(*number).to_string(),
        ValueKind::Array(items) => {
            let items: Vec<String> = items.iter().map(|item| literal(&item.kind)).collect();
            format!("[{}]", items.join(", "))
        }
        other => other.to_string(),
    }
}
