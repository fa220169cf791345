//! Merges the values of all sources into one configuration.

use config::{Config, ConfigError, Map, Source, Value, ValueKind};
use serde::Deserialize;

use super::config_file::ParsedFile;
use super::declaration::{Section, Setting};
use super::dotenv::Variables;
use super::error::{DOTENV, ENVIRONMENT, InvalidSetting, SettingsError, describe};
use super::sections::settings;
use super::sources::SettingsSources;

pub(super) const DEFAULT: &str = "default";

/// The values of one source, keyed by the path of their setting.
#[derive(Clone)]
struct Layer(Map<String, Value>);

/// The values of all sources, and the errors found so far.
pub(super) struct Merged {
    config: Config,
    errors: Vec<InvalidSetting>,
}

impl Merged {
    /// Merges the sources. Each value keeps its source.
    pub(super) fn new(sources: &SettingsSources) -> Self {
        let mut errors = sources.errors.clone();
        let mut builder = Config::builder().add_source(Layer::of_defaults());
        if let Some(file) = &sources.file {
            let parsed = file.parse();
            builder = builder.add_source(Layer::of_file(&parsed, &file.path));
            errors.extend(parsed.errors);
        }
        let merged = builder
            .add_source(Layer::of_variables(&sources.dotenv, DOTENV))
            .add_source(Layer::of_variables(&sources.environment, ENVIRONMENT))
            .build();
        // Building fails only if a source fails, and a `Layer` never does.
        Self { config: merged.unwrap_or_default(), errors }
    }

    /// Returns the value of a setting, with its source, or `None` if it is not set.
    pub(super) fn value(&self, setting: &Setting) -> Option<&Value> {
        let ValueKind::Table(sections) = &self.config.cache.kind else { return None };
        let ValueKind::Table(keys) = &sections.get(setting.section)?.kind else { return None };
        keys.get(setting.key).filter(|value| value.kind != ValueKind::Nil)
    }

    /// Returns the value of the setting with this variable, or `None` if it is not set or invalid.
    pub(super) fn get<'a, T: Deserialize<'a>>(&self, variable: &str) -> Option<T> {
        let setting = settings().find(|setting| setting.variable == variable)?;
        let value = self.value(setting).filter(|value| setting.kind.accepts(&value.kind))?;
        value.clone().try_deserialize().ok()
    }

    /// Rejects all invalid values in these sections, except those of the configuration file:
    /// [`ConfigFile::parse`](super::sources::ConfigFile::parse) reports them.
    pub(super) fn check(&mut self, sections: &[&Section]) {
        for setting in sections.iter().flat_map(|section| section.settings) {
            let is_valid = self
                .value(setting)
                .is_none_or(|value| setting.kind.accepts(&value.kind) || is_from_file(value));
            if !is_valid {
                self.reject(setting, &setting.kind.expected(false));
            }
        }
    }

    /// Adds an error, unless there is one for this setting.
    pub(super) fn reject(&mut self, setting: &Setting, expected: &str) {
        let set = self.value(setting).filter(|value| value.origin() != Some(DEFAULT));
        let name = match set {
            Some(value) if is_from_file(value) => setting.path(),
            _ => setting.variable.to_owned(),
        };
        if self.errors.iter().any(|error| error.name == name) {
            return;
        }
        let error = InvalidSetting {
            name,
            source: set.and_then(Value::origin).map(ToOwned::to_owned),
            detail: describe(set.map_or(&ValueKind::Nil, |value| &value.kind)),
            hint: format!("expected {expected}"),
        };
        self.errors.push(error);
    }

    /// Returns whether a source sets the setting with this variable.
    pub(super) fn is_set(&self, variable: &str) -> bool {
        settings()
            .filter(|setting| setting.variable == variable)
            .any(|setting| self.value(setting).is_some_and(|value| value.origin() != Some(DEFAULT)))
    }

    /// Adds an error, unless there is one for the setting with this variable.
    pub(super) fn reject_variable(&mut self, variable: &str, expected: &str) {
        for setting in settings().filter(|setting| setting.variable == variable) {
            self.reject(setting, expected);
        }
    }

    /// Adds an error.
    pub(super) fn add_error(&mut self, error: InvalidSetting) {
        self.errors.push(error);
    }

    /// Returns the settings as their type, or all errors.
    pub(super) fn read<'a, T: Deserialize<'a>>(self) -> Result<T, SettingsError> {
        self.finish()?.try_deserialize().map_err(|error| type_error(&error))
    }

    /// Returns the settings of a section as their type, or all errors.
    pub(super) fn read_section<'a, T>(self, section: &Section) -> Result<T, SettingsError>
    where
        T: Deserialize<'a>,
    {
        self.finish()?.get(section.name).map_err(|error| type_error(&error))
    }

    fn finish(self) -> Result<Config, SettingsError> {
        if self.errors.is_empty() { Ok(self.config) } else { Err(SettingsError(self.errors)) }
    }
}

impl Layer {
    fn of_defaults() -> Self {
        let values = settings().map(|setting| (setting.path(), default_value(setting)));
        Self(values.collect())
    }

    fn of_file(file: &ParsedFile, path: &str) -> Self {
        let values = settings().filter_map(|setting| {
            // A table would be merged with other values, and lose its source.
            let value = file.value(setting).filter(|value| !is_table(value))?;
            Some((setting.path(), with_source(path, value.kind.clone())))
        });
        Self(values.collect())
    }

    fn of_variables(variables: &Variables, source: &str) -> Self {
        let values = settings().filter_map(|setting| {
            let text = find(variables, setting)?;
            let value = if text.is_empty() {
                default_value(setting)
            } else {
                // An invalid text is kept, so that its error can describe it.
                with_source(source, setting.kind.parse(text).unwrap_or_else(|| text.into()))
            };
            Some((setting.path(), value))
        });
        Self(values.collect())
    }
}

impl Source for Layer {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, ConfigError> {
        Ok(self.0.clone())
    }
}

/// Shows no values, because some are secret.
impl std::fmt::Debug for Layer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

pub(super) fn is_from_file(value: &Value) -> bool {
    !matches!(value.origin(), None | Some(DEFAULT | DOTENV | ENVIRONMENT))
}

fn is_table(value: &Value) -> bool {
    matches!(value.kind, ValueKind::Table(_))
}

/// Returns the trimmed text of a setting's variable.
fn find<'a>(variables: &'a Variables, setting: &Setting) -> Option<&'a str> {
    let upper = variables.get(setting.variable).map(|text| text.trim());
    let lower = setting.lower_case_variable();
    let lower = lower.and_then(|name| variables.get(&name)).map(|text| text.trim());
    upper.filter(|text| !text.is_empty()).or(lower).or(upper)
}

/// Returns the default of a setting. An empty variable counts as not set, and resets its setting to the default.
fn default_value(setting: &Setting) -> Value {
    with_source(DEFAULT, setting.default_value())
}

fn with_source(source: &str, kind: ValueKind) -> Value {
    Value::new(Some(&source.to_owned()), kind)
}

/// Returns the error of a value that its declaration accepts, but its type doesn't. The library's message is not used,
/// because it contains the value.
fn type_error(error: &ConfigError) -> SettingsError {
    let key = match error {
        ConfigError::Type { key, .. } | ConfigError::At { key, .. } => key.clone(),
        _ => None,
    };
    SettingsError(vec![InvalidSetting {
        name: key.unwrap_or_else(|| "the settings".to_owned()),
        source: None,
        detail: "invalid".to_owned(),
        hint: "expected another value".to_owned(),
    }])
}
