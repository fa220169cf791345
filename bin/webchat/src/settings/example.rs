//! The settings with their defaults, as example files or a table, generated from the declarations.

use clap::ValueEnum;
use config::ValueKind;

use super::declaration::{Section, Setting};
use super::sections::SECTIONS;

const ENV_HEADER: &str = "\
# All settings of Webchat with their defaults. Copy this file to `.env`, and uncomment and change what
# you need. The environment overrides the file. If a value is invalid, the server refuses to start and reports what it
# expected.

# Path of a configuration file. Settings in this file and in the environment override it. By default,
# `webchat.toml` is read if it exists.
#CONFIG_FILE=
";

const TOML_HEADER: &str = "\
# All settings of Webchat with their defaults. Copy this file to `webchat.toml`, and uncomment and change what you need.
# The comment after each setting names the variable that overrides it, in `.env` or in the environment. Settings without
# a value have no default. If a value is invalid, the server refuses to start and reports what it expected.
";

const TABLE_HEADER: &str = "\
| key in `webchat.toml` | environment variable | default |
| --- | --- | --- |
";

/// The format in which all settings are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SettingsFormat {
    /// A `webchat.toml`.
    Toml,
    /// A `.env` file.
    Env,
    /// A table for the documentation.
    Markdown,
}

impl SettingsFormat {
    /// Returns all settings with their defaults in this format.
    #[must_use]
    pub fn render(self) -> String {
        let (header, render): (_, fn(&Section) -> String) = match self {
            Self::Toml => (TOML_HEADER, |section| {
                format!("\n[{}]\n{}", section.name, render_settings(section, toml_line))
            }),
            Self::Env => (ENV_HEADER, |section| {
                format!("\n# --- {} ---\n{}", section.title, render_settings(section, env_line))
            }),
            Self::Markdown => {
                (TABLE_HEADER, |section| section.settings.iter().map(table_row).collect())
            }
        };
        format!("{header}{}", SECTIONS.map(render).concat())
    }
}

/// Renders the settings of a section. A setting with documentation is preceded by an empty line and its documentation;
/// a setting without any directly follows the previous one.
fn render_settings(section: &Section, line: fn(&Setting) -> String) -> String {
    let settings = section.settings.iter().map(|setting| {
        let doc: String = setting.doc.iter().flat_map(|line| ["#", line, "\n"]).collect();
        let separator = if doc.is_empty() { "" } else { "\n" };
        format!("{separator}{doc}{}\n", line(setting))
    });
    settings.collect()
}

fn env_line(setting: &Setting) -> String {
    format!("#{}={}", setting.variable, setting.default.unwrap_or_default())
}

fn toml_line(setting: &Setting) -> String {
    format!("#{} = {}# {}", setting.key, toml_default(setting, " "), setting.variable)
}

fn table_row(setting: &Setting) -> String {
    let default = match toml_default(setting, "").as_str() {
        "" => String::new(),
        text => format!("`{text}`"),
    };
    format!("| `{}` | `{}` | {default} |\n", setting.path(), setting.variable)
}

/// Returns the default as TOML with `separator` appended, or an empty string if there is none.
fn toml_default(setting: &Setting, separator: &str) -> String {
    match setting.default_value() {
        ValueKind::Nil => String::new(),
        value => format!("{}{separator}", literal(&value)),
    }
}

/// Returns the value as TOML.
fn literal(value: &ValueKind) -> String {
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
