//! The sources of settings: the environment, `.env` and the configuration file.

use std::ffi::OsString;
use std::{fs, io};

use super::dotenv::{self, CONFIG_FILE, Variables, is_known_variable};
use super::error::{ENVIRONMENT, InvalidSetting};

/// The configuration file that is read if `CONFIG_FILE` is not set and this file exists.
const DEFAULT_FILE: &str = "webchat.toml";

/// The sources of settings. The environment overrides `.env`, which overrides the configuration file.
#[derive(Clone, Default)]
pub struct SettingsSources {
    pub(super) environment: Variables,
    pub(super) dotenv: Variables,
    pub(super) file: Option<ConfigFile>,
    /// The errors of sources that could not be read.
    pub(super) errors: Vec<InvalidSetting>,
}

/// The text of a configuration file.
#[derive(Clone)]
pub(super) struct ConfigFile {
    pub(super) path: String,
    pub(super) text: String,
}

impl SettingsSources {
    /// Reads the sources of this process: its environment, a `.env` file in the current directory or one of its
    /// parents, and the configuration file. Errors are reported with those of the settings.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the only place that reads the environment")]
    pub fn from_process() -> Self {
        let mut sources = Self::from_environment(std::env::vars_os());
        let (variables, errors) = dotenv::read();
        sources.dotenv = variables;
        sources.errors.extend(errors);
        sources.read_config_file();
        sources
    }

    /// Ignores variables that are not valid UTF-8, unless they are settings. Most of the environment is not Webchat's.
    pub(super) fn from_environment(
        variables: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Self {
        let mut sources = Self::default();
        for (name, value) in variables {
            let Ok(name) = name.into_string() else { continue };
            match value.into_string() {
                Ok(value) => _ = sources.environment.insert(name, value),
                Err(_) if is_known_variable(&name) => sources.errors.push(not_utf8(name)),
                Err(_) => {}
            }
        }
        sources
    }

    fn read_config_file(&mut self) {
        let variables = [&self.environment, &self.dotenv];
        let configured = variables.into_iter().find_map(|variables| variables.get(CONFIG_FILE));
        let configured = configured.map(|path| path.trim()).filter(|path| !path.is_empty());
        let path = configured.unwrap_or(DEFAULT_FILE).to_owned();
        match fs::read_to_string(&path) {
            Ok(text) => self.file = Some(ConfigFile { path, text }),
            Err(error) if configured.is_none() && error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => self.errors.push(InvalidSetting {
                name: path,
                source: None,
                detail: error.to_string(),
                hint: format!("expected a readable file; {CONFIG_FILE} sets its path"),
            }),
        }
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for SettingsSources {
    /// Returns sources that consist of these variables of the environment only.
    fn from_iter<I: IntoIterator<Item = (K, V)>>(variables: I) -> Self {
        let owned = variables.into_iter().map(|(name, value)| (name.into(), value.into()));
        Self { environment: owned.collect(), ..Self::default() }
    }
}

fn not_utf8(name: String) -> InvalidSetting {
    InvalidSetting {
        name,
        source: Some(ENVIRONMENT.to_owned()),
        detail: "not valid UTF-8".to_owned(),
        hint: "expected text in UTF-8".to_owned(),
    }
}
