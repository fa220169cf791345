use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use secrecy::SecretString;
use thiserror::Error;

/// The variables that settings are read from.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<String, String>);

/// Settings that are wrong, all of them.
#[derive(Debug, Error)]
#[error("these settings are wrong:\n  {}", self.list())]
pub struct SettingsError(pub Vec<WrongSetting>);

/// One setting that is wrong. The value is not shown: it may be a secret in the wrong place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrongSetting {
    /// The variable.
    pub name: &'static str,
    /// What its value looks like: `not set`, `3 characters`.
    pub shape: String,
    /// What it should be.
    pub expected: String,
}

impl Environment {
    /// The variables of this process, and under them those of a `.env` file in the current folder or
    /// one above it.
    ///
    /// # Errors
    /// When there is a `.env` file and it can't be read.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
    pub fn of_process() -> Result<Self, dotenvy::Error> {
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

    /// `MODEL`, by which tokens are counted.
    #[must_use]
    pub fn model(&self) -> Option<String> {
        self.get("MODEL").map(ToOwned::to_owned)
    }

    /// The value, unless it is empty: an empty line in a `.env` file sets nothing.
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

/// Reads settings one by one and remembers what is wrong with them.
pub(crate) struct Reader<'a> {
    environment: &'a Environment,
    wrong: Vec<WrongSetting>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(environment: &'a Environment) -> Self {
        Self { environment, wrong: Vec::new() }
    }

    pub(crate) fn text(&self, name: &str) -> Option<String> {
        self.environment.get(name).map(ToOwned::to_owned)
    }

    pub(crate) fn secret(&self, name: &str) -> Option<SecretString> {
        self.environment.get(name).map(SecretString::from)
    }

    /// The value, read by `parse`, which answers `None` for one that is wrong.
    pub(crate) fn optional<T>(
        &mut self,
        name: &'static str,
        expected: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let value = self.environment.get(name)?;
        let parsed = parse(value);
        if parsed.is_none() {
            self.refuse(name, expected);
        }
        parsed
    }

    /// The value as its type's own text form.
    pub(crate) fn parsed_if_set<T: FromStr>(
        &mut self,
        name: &'static str,
        expected: &str,
    ) -> Option<T> {
        self.optional(name, expected, |value| value.parse().ok())
    }

    /// The value as its type's own text form, or the default.
    pub(crate) fn parsed<T: FromStr>(
        &mut self,
        name: &'static str,
        expected: &str,
        default: T,
    ) -> T {
        self.parsed_if_set(name, expected).unwrap_or(default)
    }

    pub(crate) fn refuse(&mut self, name: &'static str, expected: &str) {
        let shape = match self.environment.get(name) {
            None => "not set".to_owned(),
            Some(value) => format!("{} characters", value.chars().count()),
        };
        self.wrong.push(WrongSetting { name, shape, expected: expected.to_owned() });
    }

    pub(crate) fn finish<T>(self, settings: Option<T>) -> Result<T, SettingsError> {
        match settings {
            Some(settings) if self.wrong.is_empty() => Ok(settings),
            _ => Err(SettingsError(self.wrong)),
        }
    }
}

impl SettingsError {
    fn list(&self) -> String {
        let lines: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        lines.join("\n  ")
    }
}

impl fmt::Display for WrongSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, shape, expected } = self;
        write!(f, "{name} ({shape}): {expected}")
    }
}
