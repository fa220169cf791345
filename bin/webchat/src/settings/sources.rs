//! The sources of settings: the environment, `.env` and the configuration file.

use std::collections::BTreeMap;
use std::{fs, io};

use super::error::InvalidSetting;

/// The variable that contains the path of the configuration file.
const CONFIG_FILE: &str = "CONFIG_FILE";

/// The configuration file that is read if `CONFIG_FILE` is not set and this file exists.
const DEFAULT_FILE: &str = "webchat.toml";

pub(super) type Variables = BTreeMap<String, String>;

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
        let mut sources = Self { environment: std::env::vars().collect(), ..Self::default() };
        sources.read_dotenv();
        sources.read_config_file();
        sources
    }

    fn read_dotenv(&mut self) {
        let lines = match dotenvy::dotenv_iter() {
            Ok(lines) => lines,
            Err(error) if error.not_found() => return,
            Err(error) => return self.errors.push(dotenv_error(&error)),
        };
        for line in lines {
            match line {
                Ok((name, value)) => _ = self.dotenv.insert(name, value),
                Err(error) => self.errors.push(dotenv_error(&error)),
            }
        }
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
    /// Uses these variables as the environment, and nothing else.
    fn from_iter<I: IntoIterator<Item = (K, V)>>(variables: I) -> Self {
        let owned = variables.into_iter().map(|(name, value)| (name.into(), value.into()));
        Self { environment: owned.collect(), ..Self::default() }
    }
}

/// Describes an error in `.env`. The library's message is not used, because it contains the line with its value.
fn dotenv_error(error: &dotenvy::Error) -> InvalidSetting {
    let (name, detail) = match error {
        dotenvy::Error::LineParse(line, index) => {
            let name = line.split('=').next().unwrap_or_default().trim();
            let is_name = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
            let has_value = line.contains('=');
            let name = if is_name && has_value { name } else { "a line" };
            (name.to_owned(), format!("invalid at character {}", index + 1))
        }
        dotenvy::Error::Io(error) => ("the file".to_owned(), error.to_string()),
        _ => ("the file".to_owned(), "unreadable".to_owned()),
    };
    let hint = "expected NAME=value; quote values that contain spaces".to_owned();
    InvalidSetting { name, source: Some(".env".to_owned()), detail, hint }
}
