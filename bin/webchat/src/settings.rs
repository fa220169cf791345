use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use url::Url;
use webchat_llm::Auth;
use webchat_tokens::window_of;

use crate::read::{Environment, Reader, SettingsError};

/// The window of a model that nobody knows, in tokens.
const DEFAULT_WINDOW: u32 = 128_000;

/// A shorter key can be guessed.
const SECRET_KEY_CHARS: usize = 32;

/// What the operator decides. `.env.example` explains each.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `APP_ENV`
    pub app_env: AppEnv,
    /// `HOST`
    pub host: IpAddr,
    /// `PORT`: 0 for one that is free.
    pub port: u16,
    /// `PUBLIC_URL`
    pub public_url: Option<Url>,
    /// `ALLOWED_ORIGINS`
    pub allowed_origins: Vec<Url>,
    /// `DATA_DIR`
    pub data_dir: PathBuf,
    /// `WEB_DIR`
    pub web_dir: PathBuf,
    /// `SECRET_KEY`: without one, it is made and kept in `DATA_DIR`.
    pub secret_key: Option<SecretString>,
    /// `SESSION_TTL_DAYS`
    pub session_ttl: Duration,
    /// `AZURE_API_URL` and what belongs to it.
    pub upstream: Upstream,
    /// `MAX_TOKENS`
    pub max_tokens: u32,
    /// `REPLY_TOKENS`
    pub reply_tokens: u32,
    /// `SYSTEM_PROMPT`
    pub system_prompt: Option<String>,
    /// `AUTO_TITLES`
    pub auto_titles: bool,
    /// `SHUTDOWN_GRACE_S`
    pub shutdown_grace: Duration,
    /// `LOG_FORMAT`
    pub log_format: LogFormat,
    /// `LOG_LEVEL`
    pub log_level: String,
}

/// Where the model is.
#[derive(Clone, Debug)]
pub struct Upstream {
    /// `AZURE_API_URL`
    pub url: Url,
    /// `API_KEY`
    pub api_key: Option<SecretString>,
    /// `LLM_AUTH`
    pub auth: Auth,
    /// `MODEL`
    pub model: Option<String>,
}

/// Whether mistakes that are convenient while developing are let pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AppEnv {
    /// They are.
    Development,
    /// They stop the start.
    Production,
}

/// How the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For programs: one JSON object a line.
    Json,
}

impl Settings {
    /// Reads all settings.
    ///
    /// # Errors
    /// All settings that are wrong, at once.
    pub fn read(environment: &Environment) -> Result<Self, SettingsError> {
        let mut reader = Reader::new(environment);
        refuse_unsupported(&mut reader);
        let app_env = app_env(&mut reader);
        let (max_tokens, reply_tokens) = tokens(&mut reader);
        let settings = Self {
            app_env,
            host: reader.parsed("HOST", "an IP address", Ipv4Addr::LOCALHOST.into()),
            port: reader.parsed("PORT", "a number from 0 to 65535", 8080),
            public_url: reader.optional("PUBLIC_URL", WEB_ADDRESS, web_address),
            allowed_origins: allowed_origins(&mut reader),
            data_dir: reader.text("DATA_DIR").unwrap_or_else(|| "data".to_owned()).into(),
            web_dir: reader.text("WEB_DIR").unwrap_or_else(|| "web/dist".to_owned()).into(),
            secret_key: secret_key(&mut reader, app_env),
            session_ttl: session_ttl(&mut reader),
            max_tokens,
            reply_tokens,
            system_prompt: reader.text("SYSTEM_PROMPT"),
            auto_titles: auto_titles(&mut reader),
            shutdown_grace: shutdown_grace(&mut reader),
            log_format: log_format(&mut reader),
            log_level: log_level(&mut reader),
            // The last field: without it there are no settings.
            upstream: match upstream(&mut reader) {
                Some(upstream) => upstream,
                None => return reader.finish(None),
            },
        };
        reader.finish(Some(settings))
    }
}

const WEB_ADDRESS: &str = "an address like https://chat.example.org";

fn web_address(value: &str) -> Option<Url> {
    let url = Url::parse(value).ok()?;
    matches!(url.scheme(), "http" | "https").then_some(url)
}

/// To keep data elsewhere than the operator thinks would be worse than not to start.
fn refuse_unsupported(reader: &mut Reader<'_>) {
    for name in ["MONGODB_URI", "REDIS_URL"] {
        if reader.text(name).is_some() {
            reader.refuse(name, "this version keeps everything in DATA_DIR: unset it");
        }
    }
}

fn app_env(reader: &mut Reader<'_>) -> AppEnv {
    let expected = "development or production";
    let parsed = reader.optional("APP_ENV", expected, |value| match value {
        "development" => Some(AppEnv::Development),
        "production" => Some(AppEnv::Production),
        _ => None,
    });
    parsed.unwrap_or(AppEnv::Development)
}

/// The window is the model's own, where that is known.
fn tokens(reader: &mut Reader<'_>) -> (u32, u32) {
    let known = reader.text("MODEL").and_then(|model| window_of(&model));
    let default = known.unwrap_or(DEFAULT_WINDOW);
    let max_tokens = reader.parsed("MAX_TOKENS", "a number of tokens", default);
    let reply_tokens = reader.parsed("REPLY_TOKENS", "a number of tokens", 800);
    if reply_tokens == 0 || reply_tokens >= max_tokens {
        reader.refuse("REPLY_TOKENS", "more than 0, and less than MAX_TOKENS");
    }
    (max_tokens, reply_tokens)
}

fn allowed_origins(reader: &mut Reader<'_>) -> Vec<Url> {
    let expected = "addresses like https://chat.example.org, with commas between them";
    let parsed = reader.optional("ALLOWED_ORIGINS", expected, |value| {
        value.split(',').map(|origin| web_address(origin.trim())).collect()
    });
    parsed.unwrap_or_default()
}

fn secret_key(reader: &mut Reader<'_>, app_env: AppEnv) -> Option<SecretString> {
    let expected = "at least 32 random characters, as `openssl rand -hex 32` prints them";
    let key = reader.secret("SECRET_KEY");
    let is_weak =
        key.as_ref().is_some_and(|key| key.expose_secret().chars().count() < SECRET_KEY_CHARS);
    let is_missing = key.is_none() && app_env == AppEnv::Production;
    if is_weak || is_missing {
        reader.refuse("SECRET_KEY", expected);
    }
    key
}

fn session_ttl(reader: &mut Reader<'_>) -> Duration {
    const DAY: Duration = Duration::from_hours(24);
    let days = reader.optional("SESSION_TTL_DAYS", "a number of days from 1 to 400", |value| {
        value.parse().ok().filter(|days| (1..=400).contains(days))
    });
    DAY * days.unwrap_or(365)
}

fn auto_titles(reader: &mut Reader<'_>) -> bool {
    let parsed = reader.optional("AUTO_TITLES", "on or off", |value| match value {
        "on" => Some(true),
        "off" => Some(false),
        _ => None,
    });
    parsed.unwrap_or(true)
}

fn shutdown_grace(reader: &mut Reader<'_>) -> Duration {
    Duration::from_secs(reader.parsed("SHUTDOWN_GRACE_S", "a number of seconds", 30))
}

fn log_format(reader: &mut Reader<'_>) -> LogFormat {
    let parsed = reader.optional("LOG_FORMAT", "text or json", |value| match value {
        "text" => Some(LogFormat::Text),
        "json" => Some(LogFormat::Json),
        _ => None,
    });
    parsed.unwrap_or(LogFormat::Text)
}

fn log_level(reader: &mut Reader<'_>) -> String {
    let expected = "error, warn, info, debug or trace";
    let parsed = reader.optional("LOG_LEVEL", expected, |value| {
        matches!(value, "error" | "warn" | "info" | "debug" | "trace").then(|| value.to_owned())
    });
    parsed.unwrap_or_else(|| "info".to_owned())
}

fn upstream(reader: &mut Reader<'_>) -> Option<Upstream> {
    let expected = "the full address of chat completions, like \
         https://NAME.openai.azure.com/openai/deployments/NAME/chat/completions?api-version=VERSION \
         or http://127.0.0.1:11434/v1/chat/completions; `make run` brings a small model of its own";
    let url = reader.optional("AZURE_API_URL", expected, web_address);
    if reader.text("AZURE_API_URL").is_none() {
        reader.refuse("AZURE_API_URL", expected);
    }
    let auth = reader.optional("LLM_AUTH", "auto, api-key, bearer or none", |value| match value {
        "auto" => Some(Auth::Auto),
        "api-key" => Some(Auth::ApiKey),
        "bearer" => Some(Auth::Bearer),
        "none" => Some(Auth::None),
        _ => None,
    });
    Some(Upstream {
        url: url?,
        api_key: reader.secret("API_KEY"),
        auth: auth.unwrap_or_default(),
        model: reader.text("MODEL"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: (&str, &str) = ("AZURE_API_URL", "http://127.0.0.1:9/v1/chat/completions");

    #[test]
    fn an_upstream_is_all_that_is_needed() {
        let settings = Settings::read(&[URL].into_iter().collect()).unwrap();

        assert_eq!((settings.host, settings.port), (Ipv4Addr::LOCALHOST.into(), 8080));
        assert_eq!((settings.max_tokens, settings.reply_tokens), (128_000, 800));
    }

    #[test]
    fn the_example_shows_the_defaults() {
        let is_name =
            |name: &str| name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
        let example = include_str!("../../../.env.example").lines();
        let shown = example
            .filter_map(|line| line.strip_prefix('#')?.split_once('='))
            .filter(|(name, _)| is_name(name));

        let as_shown = Settings::read(&shown.chain([URL]).collect()).unwrap();

        let by_default = Settings::read(&[URL].into_iter().collect()).unwrap();
        assert_eq!(format!("{as_shown:?}"), format!("{by_default:?}"));
    }

    #[test]
    fn empty_values_set_nothing() {
        let variables = [URL, ("PORT", ""), ("SECRET_KEY", " "), ("MONGODB_URI", "")];
        let settings = Settings::read(&variables.into_iter().collect()).unwrap();

        assert_eq!(settings.port, 8080);
        assert!(settings.secret_key.is_none());
    }

    #[test]
    fn all_wrong_settings_are_told_at_once_and_no_value_is_shown() {
        let variables = [
            ("HOST", "localhost"),
            ("PORT", "http"),
            ("SECRET_KEY", "hunter2"),
            ("REPLY_TOKENS", "128000"),
            ("ALLOWED_ORIGINS", "https://a.example,b.example"),
            ("LOG_FORMAT", "xml"),
            ("MONGODB_URI", "mongodb://user:pa55@db"),
        ];
        let error = Settings::read(&variables.into_iter().collect()).unwrap_err();

        insta::assert_snapshot!(error, @"
        these settings are wrong:
          MONGODB_URI (22 characters): this version keeps everything in DATA_DIR: unset it
          REPLY_TOKENS (6 characters): more than 0, and less than MAX_TOKENS
          HOST (9 characters): an IP address
          PORT (4 characters): a number from 0 to 65535
          ALLOWED_ORIGINS (27 characters): addresses like https://chat.example.org, with commas between them
          SECRET_KEY (7 characters): at least 32 random characters, as `openssl rand -hex 32` prints them
          LOG_FORMAT (3 characters): text or json
          AZURE_API_URL (not set): the full address of chat completions, like https://NAME.openai.azure.com/openai/deployments/NAME/chat/completions?api-version=VERSION or http://127.0.0.1:11434/v1/chat/completions; `make run` brings a small model of its own
        ");
    }

    #[test]
    fn the_window_is_that_of_the_model_unless_it_is_set() {
        let window = |variables: &[(&'static str, &'static str)]| {
            let variables = variables.iter().chain([&URL]).copied();
            Settings::read(&variables.collect()).unwrap().max_tokens
        };

        assert_eq!(window(&[("MODEL", "gpt-4")]), 8_192);
        assert_eq!(window(&[("MODEL", "gpt-4"), ("MAX_TOKENS", "4000")]), 4_000);
        assert_eq!(window(&[("MODEL", "SmolLM2-135M-Instruct")]), 128_000);
    }

    #[test]
    fn production_wants_a_secret_key() {
        let error = Settings::read(&[URL, ("APP_ENV", "production")].into_iter().collect());

        assert_eq!(error.unwrap_err().0.first().map(|wrong| wrong.name), Some("SECRET_KEY"));
    }

    #[test]
    fn secrets_are_not_shown() {
        let variables = [URL, ("API_KEY", "sk-live"), ("SECRET_KEY", &"s3cr3t".repeat(9))];
        let settings = Settings::read(&variables.into_iter().collect()).unwrap();

        let shown = format!("{settings:?}");
        assert!(!shown.contains("sk-live") && !shown.contains("s3cr3t"), "{shown}");
    }
}
