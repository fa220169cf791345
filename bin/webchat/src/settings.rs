//! The settings, as read from the environment.

mod limits;
mod parsers;
mod upstream;

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use secrecy::{ExposeSecret, SecretString};
use url::Url;
use webchat_chat::{DailyTokenLimits, FileSettings, StoredBytesLimits};
use webchat_llm::HttpSettings;
use webchat_tokens::window_of;
use webchat_transport::Limits;

use self::limits::{daily_tokens, limit, limits, max_import_bytes, max_stored_bytes};
use self::parsers::{http_url, network, number_in_range};
use self::upstream::{max_turn_duration, upstream};
use crate::env::{EnvReader, Environment, SettingsError};

/// The upper limit of `MAX_FILE_SIZE_MB`: a document in MongoDB has at most 16 MB.
const MAX_FILE_MEGABYTES: f64 = 10.0;

/// The context window of an unknown model, in tokens.
const DEFAULT_WINDOW: u32 = 128_000;

/// Shorter keys could be guessed.
const MIN_SECRET_KEY_CHARS: usize = 32;

/// Random keys have more distinct characters; a key with fewer was typed by hand, such as `aaaa…`.
const MIN_DISTINCT_CHARS: usize = 8;

/// The settings. `.env.example` explains each of them.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `APP_ENV`
    pub app_env: AppEnv,
    /// `HOST`
    pub host: IpAddr,
    /// `PORT`: 0 for any free port.
    pub port: u16,
    /// `PUBLIC_URL`
    pub public_url: Option<Url>,
    /// `ALLOWED_ORIGINS`
    pub allowed_origins: Vec<Url>,
    /// `TRUSTED_PROXIES`
    pub trusted_proxies: Vec<IpNet>,
    /// The settings of the stores.
    pub stores: StoreSettings,
    /// `WEB_DIR`: `None` for the page in the binary.
    pub web_dir: Option<PathBuf>,
    /// `SECRET_KEY`; by default it is generated and stored in `DATA_DIR`.
    pub secret_key: Option<SecretString>,
    /// `SESSION_TTL_DAYS`
    pub session_ttl: Duration,
    /// `INACTIVE_USERS_KEPT_DAYS`: `None` for ever.
    pub inactive_users_kept: Option<Duration>,
    /// `AZURE_API_URL`, `API_KEY`, `MODEL`, `LLM_…` and the proxy.
    pub upstream: HttpSettings,
    /// `MAX_TOKENS`: the size of the model's context window.
    pub window_tokens: u32,
    /// `REPLY_TOKENS`
    pub reply_tokens: u32,
    /// `SYSTEM_PROMPT`
    pub system_prompt: Option<String>,
    /// `AUTO_TITLES`
    pub auto_titles: bool,
    /// `MAX_IMPORT_SIZE_MB`, in bytes.
    pub max_import_bytes: u64,
    /// `MAX_FILE_SIZE_MB`, `ALLOWED_EXTENSIONS`, `CHUNK_SIZE_TOKENS`, `FILE_CONCURRENCY` and
    /// `FILES_PER_USER`
    pub files: FileSettings,
    /// `TURNS_PER_USER`: `None` for no limit.
    pub turns_per_user: Option<u32>,
    /// `TURNS_PER_ADDRESS`: `None` for no limit.
    pub turns_per_network: Option<u32>,
    /// `MAX_TURNS`: `None` for no limit.
    pub max_turns: Option<u32>,
    /// `LLM_MAX_TURN_S`
    pub max_turn_duration: Duration,
    /// `DAILY_TOKENS_PER_USER`, `DAILY_TOKENS_PER_ADDRESS` and `DAILY_TOKENS`
    pub daily_tokens: DailyTokenLimits,
    /// `MAX_STORED_MB_PER_USER` and `MAX_STORED_MB`, in bytes.
    pub max_stored_bytes: StoredBytesLimits,
    /// `REQUESTS_PER_SECOND`: `None` for no limit.
    pub requests_per_second: Option<NonZeroU32>,
    /// `REQUESTS_PER_SECOND_PER_ADDRESS`: `None` for no limit.
    pub requests_per_second_per_network: Option<NonZeroU32>,
    /// `NEW_USERS_PER_MINUTE`: `None` for no limit.
    pub new_users_per_minute: Option<NonZeroU32>,
    /// `NEW_USERS_PER_MINUTE_PER_ADDRESS`: `None` for no limit.
    pub new_users_per_minute_per_network: Option<NonZeroU32>,
    /// `WS_…`, `CONNECTIONS_PER_ADDRESS` and `MAX_CONNECTIONS`
    pub limits: Limits,
    /// `METRICS`
    pub metrics: bool,
    /// `SHUTDOWN_GRACE_S`
    pub shutdown_grace: Duration,
    /// `LOG_FORMAT`
    pub log_format: LogFormat,
    /// `LOG_LEVEL`
    pub log_level: String,
}

/// The settings of the stores.
#[derive(Clone, Debug)]
pub struct StoreSettings {
    /// `DATA_DIR`
    pub data_dir: PathBuf,
    /// `MONGODB_URI`; by default conversations are stored in `DATA_DIR`.
    pub mongodb_uri: Option<SecretString>,
    /// `REDIS_URL`; by default sessions and the turn log are stored in `DATA_DIR`.
    pub redis_url: Option<SecretString>,
    /// `MIGRATE`
    pub migrate: bool,
}

/// Whether to accept insecure settings, which are convenient for development.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AppEnv {
    /// Insecure settings are accepted.
    Development,
    /// Insecure settings prevent the start.
    Production,
}

/// The format of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For programs: one JSON object per line.
    Json,
}

impl StoreSettings {
    /// Reads only these settings, for commands that need no model.
    ///
    /// # Errors
    /// All invalid settings at once.
    pub fn read(environment: &Environment) -> Result<Self, SettingsError> {
        let mut reader = EnvReader::new(environment);
        let settings = stores(&mut reader);
        reader.finish(Some(settings))
    }
}

impl Settings {
    /// Reads all settings.
    ///
    /// # Errors
    /// All invalid settings at once.
    pub fn read(environment: &Environment) -> Result<Self, SettingsError> {
        let mut reader = EnvReader::new(environment);
        let app_env = app_env(&mut reader);
        let (window_tokens, reply_tokens) = tokens(&mut reader);
        let settings = Self {
            app_env,
            host: reader.parsed("HOST", "an IP address", Ipv4Addr::LOCALHOST.into()),
            port: reader.parsed("PORT", "a number from 0 to 65535", 8080),
            public_url: reader.optional("PUBLIC_URL", HTTP_URL, http_url),
            allowed_origins: allowed_origins(&mut reader),
            trusted_proxies: trusted_proxies(&mut reader),
            stores: stores(&mut reader),
            web_dir: reader.text("WEB_DIR").map(PathBuf::from),
            secret_key: secret_key(&mut reader, app_env),
            session_ttl: session_ttl(&mut reader),
            inactive_users_kept: inactive_users_kept(&mut reader),
            window_tokens,
            reply_tokens,
            system_prompt: reader.text("SYSTEM_PROMPT"),
            auto_titles: switch(&mut reader, "AUTO_TITLES", true),
            max_import_bytes: max_import_bytes(&mut reader),
            files: files(&mut reader),
            turns_per_user: limit(&mut reader, "TURNS_PER_USER", 16).map(NonZeroU32::get),
            turns_per_network: limit(&mut reader, "TURNS_PER_ADDRESS", 50).map(NonZeroU32::get),
            max_turns: limit(&mut reader, "MAX_TURNS", 500).map(NonZeroU32::get),
            max_turn_duration: max_turn_duration(&mut reader),
            daily_tokens: daily_tokens(&mut reader),
            requests_per_second: limit(&mut reader, "REQUESTS_PER_SECOND", 50),
            requests_per_second_per_network: limit(
                &mut reader,
                "REQUESTS_PER_SECOND_PER_ADDRESS",
                200,
            ),
            new_users_per_minute: limit(&mut reader, "NEW_USERS_PER_MINUTE", 600),
            new_users_per_minute_per_network: limit(
                &mut reader,
                "NEW_USERS_PER_MINUTE_PER_ADDRESS",
                30,
            ),
            max_stored_bytes: max_stored_bytes(&mut reader),
            limits: limits(&mut reader),
            metrics: switch(&mut reader, "METRICS", false),
            shutdown_grace: shutdown_grace(&mut reader),
            log_format: log_format(&mut reader),
            log_level: log_level(&mut reader),
            // Read last: without it there are no settings to return, but all other errors are reported.
            upstream: match upstream(&mut reader) {
                Some(upstream) => upstream,
                None => return reader.finish(None),
            },
        };
        reader.finish(Some(settings))
    }
}

const HTTP_URL: &str = "a URL like https://chat.example.org";

fn stores(reader: &mut EnvReader<'_>) -> StoreSettings {
    let url = |schemes: &'static [&str]| {
        |value: &str| {
            let location = schemes.iter().find_map(|scheme| value.strip_prefix(scheme))?;
            (!location.is_empty()).then(|| SecretString::from(value))
        }
    };
    StoreSettings {
        data_dir: reader.text("DATA_DIR").unwrap_or_else(|| "data".to_owned()).into(),
        mongodb_uri: reader.optional(
            "MONGODB_URI",
            "a URL like mongodb://host:27017/database?replicaSet=rs0",
            url(&["mongodb://", "mongodb+srv://"]),
        ),
        redis_url: reader.optional(
            "REDIS_URL",
            "a URL like redis://host:6379",
            url(&["redis://", "rediss://"]),
        ),
        migrate: switch(reader, "MIGRATE", false),
    }
}

fn app_env(reader: &mut EnvReader<'_>) -> AppEnv {
    let expected = "development or production";
    let parsed = reader.optional("APP_ENV", expected, |value| match value {
        "development" => Some(AppEnv::Development),
        "production" => Some(AppEnv::Production),
        _ => None,
    });
    parsed.unwrap_or(AppEnv::Development)
}

/// `MAX_TOKENS` and `REPLY_TOKENS`. The default is the context window of the model, if it is known.
fn tokens(reader: &mut EnvReader<'_>) -> (u32, u32) {
    let known = reader.text("MODEL").and_then(|model| window_of(&model));
    let default = known.unwrap_or(DEFAULT_WINDOW);
    let window_tokens = reader.parsed("MAX_TOKENS", "a number of tokens", default);
    let reply_tokens = reader.parsed("REPLY_TOKENS", "a number of tokens", 800);
    if reply_tokens == 0 || reply_tokens >= window_tokens {
        reader.reject("REPLY_TOKENS", "more than 0 and less than MAX_TOKENS");
    }
    (window_tokens, reply_tokens)
}

fn files(reader: &mut EnvReader<'_>) -> FileSettings {
    let default = FileSettings::default();
    let max_bytes = reader.optional("MAX_FILE_SIZE_MB", "a number from 0.001 to 10", megabytes);
    let expected = "file extensions like txt,md,json";
    let extensions = reader.optional("ALLOWED_EXTENSIONS", expected, |value| {
        value.split(',').map(|one| extension(one.trim())).collect()
    });
    FileSettings {
        max_bytes: max_bytes.unwrap_or(default.max_bytes),
        extensions: extensions.unwrap_or(default.extensions),
        part_tokens: number_in_range(reader, "CHUNK_SIZE_TOKENS", "", 64..=100_000)
            .unwrap_or(default.part_tokens),
        concurrency: number_in_range(reader, "FILE_CONCURRENCY", "", 1..=100)
            .unwrap_or(default.concurrency),
        per_user: number_in_range(reader, "FILES_PER_USER", "", 1..=100)
            .unwrap_or(default.per_user),
    }
}

/// The number of bytes of a size in megabytes.
#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the number is small and positive"
)]
fn megabytes(value: &str) -> Option<usize> {
    let megabytes: f64 = value.parse().ok()?;
    (0.001..=MAX_FILE_MEGABYTES).contains(&megabytes).then_some((megabytes * 1_048_576.0) as usize)
}

fn extension(value: &str) -> Option<String> {
    let name = value.strip_prefix('.').unwrap_or(value);
    let is_valid = !name.is_empty() && name.chars().all(char::is_alphanumeric);
    is_valid.then(|| name.to_lowercase())
}

fn allowed_origins(reader: &mut EnvReader<'_>) -> Vec<Url> {
    let expected = "comma-separated URLs like https://chat.example.org";
    let parsed = reader.optional("ALLOWED_ORIGINS", expected, |value| {
        value.split(',').map(|origin| http_url(origin.trim())).collect()
    });
    parsed.unwrap_or_default()
}

fn trusted_proxies(reader: &mut EnvReader<'_>) -> Vec<IpNet> {
    let expected = "comma-separated addresses or networks like 127.0.0.1,10.0.0.0/8";
    let parsed = reader.optional("TRUSTED_PROXIES", expected, |value| {
        value.split(',').map(|proxy| network(proxy.trim())).collect()
    });
    parsed.unwrap_or_default()
}

fn secret_key(reader: &mut EnvReader<'_>, app_env: AppEnv) -> Option<SecretString> {
    let expected = "at least 32 random characters, as `openssl rand -hex 32` prints them";
    let key = reader.secret("SECRET_KEY");
    let is_weak =
        key.as_ref().is_some_and(|key| key.expose_secret().chars().count() < MIN_SECRET_KEY_CHARS);
    let is_predictable = key.as_ref().is_none_or(|key| {
        let distinct: BTreeSet<char> = key.expose_secret().chars().collect();
        distinct.len() < MIN_DISTINCT_CHARS
    });
    if is_weak || is_predictable && app_env == AppEnv::Production {
        reader.reject("SECRET_KEY", expected);
    }
    key
}

fn session_ttl(reader: &mut EnvReader<'_>) -> Duration {
    const DAY: Duration = Duration::from_hours(24);
    let days = number_in_range(reader, "SESSION_TTL_DAYS", " of days", 1..=400);
    DAY * days.unwrap_or(365)
}

fn inactive_users_kept(reader: &mut EnvReader<'_>) -> Option<Duration> {
    let days = limit(reader, "INACTIVE_USERS_KEPT_DAYS", 30)?;
    Some(Duration::from_hours(24) * days.get())
}

fn switch(reader: &mut EnvReader<'_>, name: &'static str, default: bool) -> bool {
    let parsed = reader.optional(name, "on or off", |value| match value {
        "on" => Some(true),
        "off" => Some(false),
        _ => None,
    });
    parsed.unwrap_or(default)
}

fn shutdown_grace(reader: &mut EnvReader<'_>) -> Duration {
    Duration::from_secs(reader.parsed("SHUTDOWN_GRACE_S", "a number of seconds", 30))
}

fn log_format(reader: &mut EnvReader<'_>) -> LogFormat {
    let parsed = reader.optional("LOG_FORMAT", "text or json", |value| match value {
        "text" => Some(LogFormat::Text),
        "json" => Some(LogFormat::Json),
        _ => None,
    });
    parsed.unwrap_or(LogFormat::Text)
}

fn log_level(reader: &mut EnvReader<'_>) -> String {
    let expected = "error, warn, info, debug or trace";
    let parsed = reader.optional("LOG_LEVEL", expected, |value| {
        matches!(value, "error" | "warn" | "info" | "debug" | "trace").then(|| value.to_owned())
    });
    parsed.unwrap_or_else(|| "info".to_owned())
}

#[cfg(test)]
mod tests;
