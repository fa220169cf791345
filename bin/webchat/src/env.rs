//! Reading settings from environment variables.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use secrecy::SecretString;
use thiserror::Error;

/// The environment variables from which settings are read.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<String, String>);

/// The invalid settings, all at once.
#[derive(Debug, Error)]
#[error("invalid settings:\n  {}", self.list())]
pub struct SettingsError(pub Vec<InvalidSetting>);

/// An invalid setting. Its value is not shown, because it may be a secret in the wrong variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidSetting {
    /// The variable.
    pub name: &'static str,
    /// A description of its value that does not reveal it, for example `not set` or `3 characters`.
    pub shape: String,
    /// What is expected.
    pub expected: String,
}

impl Environment {
    /// The variables of this process. They override those of a `.env` file in the current folder or one
    /// of its parents.
    ///
    /// # Errors
    /// When there is a `.env` file that can't be read.
    #[expect(clippy::disallowed_methods, reason = "the only place that reads the environment")]
    pub fn from_process() -> Result<Self, dotenvy::Error> {
        let mut variables = BTreeMap::new();
        match dotenvy::dotenv_iter() {
            Ok(file) => {
                for variable in file {
                    let (name, value) = variable?;
                    variables.insert(name, value);
                }
            }
            Err(error) if error.not_found() => {}
            Err(error) => return Err(error),
        }
        variables.extend(std::env::vars());
        Ok(Self(variables))
    }

    /// `MODEL`, which determines how tokens are counted.
    #[must_use]
    pub fn model(&self) -> Option<String> {
        self.get("MODEL").map(ToOwned::to_owned)
    }

    /// The value of a variable. An empty variable counts as not set.
    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(variables: I) -> Self {
        let owned = variables.into_iter().map(|(name, value)| (name.into(), value.into()));
        Self(owned.collect())
    }
}

/// Reads settings one by one and collects the errors.
pub(crate) struct EnvReader<'a> {
    environment: &'a Environment,
    invalid: Vec<InvalidSetting>,
}

impl<'a> EnvReader<'a> {
    pub(crate) fn new(environment: &'a Environment) -> Self {
        Self { environment, invalid: Vec::new() }
    }

    pub(crate) fn text(&self, name: &str) -> Option<String> {
        self.environment.get(name).map(ToOwned::to_owned)
    }

    pub(crate) fn secret(&self, name: &str) -> Option<SecretString> {
        self.environment.get(name).map(SecretString::from)
    }

    /// The value parsed by `parse`, which returns `None` if the value is invalid.
    pub(crate) fn optional<T>(
        &mut self,
        name: &'static str,
        expected: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let value = self.environment.get(name)?;
        let parsed = parse(value);
        if parsed.is_none() {
            self.reject(name, expected);
        }
        parsed
    }

    /// The value parsed by its type.
    pub(crate) fn parsed_if_set<T: FromStr>(
        &mut self,
        name: &'static str,
        expected: &str,
    ) -> Option<T> {
        self.optional(name, expected, |value| value.parse().ok())
    }

    /// The value parsed by its type, or the default.
    pub(crate) fn parsed<T: FromStr>(
        &mut self,
        name: &'static str,
        expected: &str,
        default: T,
    ) -> T {
        self.parsed_if_set(name, expected).unwrap_or(default)
    }

    pub(crate) fn reject(&mut self, name: &'static str, expected: &str) {
        let shape = match self.environment.get(name) {
            None => "not set".to_owned(),
            Some(value) => format!("{} characters", value.chars().count()),
        };
        self.invalid.push(InvalidSetting { name, shape, expected: expected.to_owned() });
    }

    pub(crate) fn finish<T>(self, settings: Option<T>) -> Result<T, SettingsError> {
        match settings {
            Some(settings) if self.invalid.is_empty() => Ok(settings),
            _ => Err(SettingsError(self.invalid)),
        }
    }
}

impl SettingsError {
    fn list(&self) -> String {
        let lines: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        lines.join("\n  ")
    }
}

impl fmt::Display for InvalidSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, shape, expected } = self;
        write!(f, "{name} ({shape}): {expected}")
    }
}
