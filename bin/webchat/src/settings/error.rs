//! The errors of the settings.

use std::fmt;

use config::ValueKind;
use thiserror::Error;

/// The names of sources in errors.
pub(super) const DOTENV: &str = ".env";
pub(super) const ENVIRONMENT: &str = "the environment";

/// All invalid settings.
#[derive(Debug, Error)]
#[error("invalid settings:\n  {}", self.list())]
pub struct SettingsError(pub Vec<InvalidSetting>);

/// An invalid setting. Its value is not shown, because it may be a secret under the wrong name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidSetting {
    /// The variable, the section and key in the configuration file, or the path of the file.
    pub name: String,
    /// The source of the value, for example `webchat.toml`.
    pub source: Option<String>,
    /// A description of the value that does not reveal it, for example `not set` or `3 characters`, or the location
    /// of the error.
    pub detail: String,
    /// Says which value is expected, or what may be meant.
    pub hint: String,
}

impl SettingsError {
    fn list(&self) -> String {
        let lines: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        lines.join("\n  ")
    }
}

impl fmt::Display for InvalidSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, source, detail, hint } = self;
        let source = source.as_ref().map_or_else(String::new, |source| format!(" in {source}"));
        write!(f, "{name}{source} ({detail}): {hint}")
    }
}

/// Describes a value without revealing it.
pub(super) fn describe(value: &ValueKind) -> String {
    match value {
        ValueKind::Nil => "not set".to_owned(),
        ValueKind::Boolean(_) => "a boolean".to_owned(),
        ValueKind::String(text) => describe_length(text),
        ValueKind::Array(items) => format!("an array of length {}", items.len()),
        ValueKind::Table(_) => "a section".to_owned(),
        ValueKind::Float(_) => "a number".to_owned(),
        _ => "an integer".to_owned(),
    }
}

fn describe_length(text: &str) -> String {
    match text.chars().count() {
        1 => "1 character".to_owned(),
        count => format!("{count} characters"),
    }
}
