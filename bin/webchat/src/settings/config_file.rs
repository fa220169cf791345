//! Parses the configuration file, and checks its names and types.

use config::{ConfigError, File, FileFormat, Map, Source, Value, ValueKind};

use super::declaration::{Section, Setting};
use super::error::{InvalidSetting, describe};
use super::models;
use super::sections::{SECTIONS, is_provider_table};
use super::sources::ConfigFile;
use super::suggestions::{suggest_section, suggest_setting};

/// The sections of a file, and their errors.
pub(super) struct ParsedFile {
    pub(super) sections: Map<String, Value>,
    pub(super) errors: Vec<InvalidSetting>,
}

impl ConfigFile {
    pub(super) fn parse(&self) -> ParsedFile {
        match File::from_str(&self.text, FileFormat::Toml).collect() {
            Ok(sections) => {
                let errors = self.check(&sections);
                ParsedFile { sections, errors }
            }
            Err(error) => {
                ParsedFile { sections: Map::new(), errors: vec![self.syntax_error(&error)] }
            }
        }
    }

    /// Describes a syntax error. The library's own message is not used, because it quotes the line, which may contain
    /// a secret.
    fn syntax_error(&self, error: &ConfigError) -> InvalidSetting {
        let cause = match error {
            ConfigError::FileParse { cause, .. } => cause.downcast_ref::<toml::de::Error>(),
            _ => None,
        };
        let position = cause.and_then(toml::de::Error::span).map(|span| span.start);
        let before = position.and_then(|position| self.text.get(..position));
        let line = before.map(|before| before.matches('\n').count() + 1);
        InvalidSetting {
            name: self.path.clone(),
            source: None,
            detail: line.map_or_else(|| "invalid".to_owned(), |line| format!("line {line}")),
            hint: cause.map_or("expected valid TOML", toml::de::Error::message).to_owned(),
        }
    }

    /// Finds all unknown names and invalid values.
    fn check(&self, sections: &Map<String, Value>) -> Vec<InvalidSetting> {
        let mut errors = Vec::new();
        for (name, value) in sections {
            match (section(name), &value.kind) {
                (Some(section), ValueKind::Table(keys)) => {
                    let invalid =
                        keys.iter().filter_map(|(key, value)| self.check_key(section, key, value));
                    errors.extend(invalid);
                }
                (Some(section), other) => {
                    let expected = format!("expected the section [{}]", section.name);
                    errors.push(self.error(name.clone(), describe_with_type(other), expected));
                }
                // Its entries are read with the models.
                (None, _) if name == models::ARRAY => {}
                (None, ValueKind::Table(_)) => {
                    errors.push(self.error(format!("[{name}]"), unknown(), suggest_section(name)));
                }
                (None, _) => {
                    errors.push(self.error(name.clone(), unknown(), suggest_setting(None, name)));
                }
            }
        }
        errors.sort_by(|a, b| a.name.cmp(&b.name));
        errors
    }

    fn check_key(&self, section: &Section, key: &str, value: &Value) -> Option<InvalidSetting> {
        let name = format!("{}.{key}", section.name);
        match section.settings.iter().find(|setting| setting.key == key) {
            None if is_provider_table(section.name, &value.kind) => None,
            None => Some(self.error(name, unknown(), suggest_setting(Some(section), key))),
            Some(setting) if is_unset(value) || setting.kind.accepts(&value.kind) => None,
            Some(setting) => {
                let hint = format!("expected {}", setting.kind.expected(true));
                Some(self.error(name, describe_with_type(&value.kind), hint))
            }
        }
    }

    fn error(&self, name: String, detail: String, hint: String) -> InvalidSetting {
        InvalidSetting { name, source: Some(self.path.clone()), detail, hint }
    }
}

impl ParsedFile {
    /// Returns the value of a setting. An empty string counts as not set.
    pub(super) fn value(&self, setting: &Setting) -> Option<&Value> {
        let ValueKind::Table(keys) = &self.sections.get(setting.section)?.kind else { return None };
        keys.get(setting.key).filter(|value| !is_unset(value))
    }
}

fn section(name: &str) -> Option<&'static Section> {
    SECTIONS.into_iter().find(|section| section.name == name)
}

fn is_unset(value: &Value) -> bool {
    matches!(&value.kind, ValueKind::String(text) if text.trim().is_empty())
}

/// Describes a value with its type, without revealing it: `8080` and `"8080"` differ in a file.
fn describe_with_type(value: &ValueKind) -> String {
    match value {
        ValueKind::String(_) => format!("a string of {}", describe(value)),
        other => describe(other),
    }
}

fn unknown() -> String {
    "unknown".to_owned()
}
