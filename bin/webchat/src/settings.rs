use std::fmt::Display;
use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroU32;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use url::Url;
use webchat_chat::FileSettings;
use webchat_domain::ModelParameters;
use webchat_llm::{Auth, HttpSettings, ProxySettings, Timeouts, TokensField};
use webchat_tokens::window_of;
use webchat_transport::Limits;

use crate::read::{Environment, Reader, SettingsError};

/// The most megabytes a file may be allowed to have: MongoDB takes documents of 16.
const MOST_MEGABYTES: f64 = 10.0;

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
    /// Where everything is kept.
    pub stores: StoreSettings,
    /// `WEB_DIR`
    pub web_dir: PathBuf,
    /// `SECRET_KEY`: without one, it is made and kept in `DATA_DIR`.
    pub secret_key: Option<SecretString>,
    /// `SESSION_TTL_DAYS`
    pub session_ttl: Duration,
    /// `AZURE_API_URL`, `API_KEY`, `MODEL`, `LLM_…` and the proxy.
    pub upstream: HttpSettings,
    /// `MAX_TOKENS`
    pub max_tokens: u32,
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
    /// `TURNS_PER_USER`: `None` for any number.
    pub turns_per_user: Option<u32>,
    /// `REQUESTS_PER_SECOND`: `None` for any number.
    pub requests_per_second: Option<NonZeroU32>,
    /// `WS_…`
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

/// Where everything is kept.
#[derive(Clone, Debug)]
pub struct StoreSettings {
    /// `DATA_DIR`
    pub data_dir: PathBuf,
    /// `MONGODB_URI`: without one, conversations are in `DATA_DIR`.
    pub mongodb_uri: Option<SecretString>,
    /// `REDIS_URL`: without one, sessions and event numbers are in `DATA_DIR`.
    pub redis_url: Option<SecretString>,
    /// `MIGRATE`
    pub migrate: bool,
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

impl StoreSettings {
    /// Reads these settings alone: for what needs the stores and no model.
    ///
    /// # Errors
    /// All of them that are wrong, at once.
    pub fn read(environment: &Environment) -> Result<Self, SettingsError> {
        let mut reader = Reader::new(environment);
        let settings = stores(&mut reader);
        reader.finish(Some(settings))
    }
}

impl Settings {
    /// Reads all settings.
    ///
    /// # Errors
    /// All settings that are wrong, at once.
    pub fn read(environment: &Environment) -> Result<Self, SettingsError> {
        let mut reader = Reader::new(environment);
        let app_env = app_env(&mut reader);
        let (max_tokens, reply_tokens) = tokens(&mut reader);
        let settings = Self {
            app_env,
            host: reader.parsed("HOST", "an IP address", Ipv4Addr::LOCALHOST.into()),
            port: reader.parsed("PORT", "a number from 0 to 65535", 8080),
            public_url: reader.optional("PUBLIC_URL", WEB_ADDRESS, web_address),
            allowed_origins: allowed_origins(&mut reader),
            stores: stores(&mut reader),
            web_dir: reader.text("WEB_DIR").unwrap_or_else(|| "web/dist".to_owned()).into(),
            secret_key: secret_key(&mut reader, app_env),
            session_ttl: session_ttl(&mut reader),
            max_tokens,
            reply_tokens,
            system_prompt: reader.text("SYSTEM_PROMPT"),
            auto_titles: switch(&mut reader, "AUTO_TITLES", true),
            max_import_bytes: max_import_bytes(&mut reader),
            files: files(&mut reader),
            turns_per_user: bound(&mut reader, "TURNS_PER_USER", 16).map(NonZeroU32::get),
            requests_per_second: bound(&mut reader, "REQUESTS_PER_SECOND", 50),
            limits: limits(&mut reader),
            metrics: switch(&mut reader, "METRICS", false),
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

fn stores(reader: &mut Reader<'_>) -> StoreSettings {
    let address = |schemes: &'static [&str]| {
        |value: &str| {
            let rest = schemes.iter().find_map(|scheme| value.strip_prefix(scheme))?;
            (!rest.is_empty()).then(|| SecretString::from(value))
        }
    };
    StoreSettings {
        data_dir: reader.text("DATA_DIR").unwrap_or_else(|| "data".to_owned()).into(),
        mongodb_uri: reader.optional(
            "MONGODB_URI",
            "an address like mongodb://host:27017/database?replicaSet=rs0",
            address(&["mongodb://", "mongodb+srv://"]),
        ),
        redis_url: reader.optional(
            "REDIS_URL",
            "an address like redis://host:6379",
            address(&["redis://", "rediss://"]),
        ),
        migrate: switch(reader, "MIGRATE", false),
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

fn files(reader: &mut Reader<'_>) -> FileSettings {
    let default = FileSettings::default();
    let max_bytes = reader.optional("MAX_FILE_SIZE_MB", "a number from 0.001 to 10", megabytes);
    let expected = "ends of file names like txt,md,json";
    let extensions = reader.optional("ALLOWED_EXTENSIONS", expected, |value| {
        value.split(',').map(|one| extension(one.trim())).collect()
    });
    FileSettings {
        max_bytes: max_bytes.unwrap_or(default.max_bytes),
        extensions: extensions.unwrap_or(default.extensions),
        part_tokens: within(reader, "CHUNK_SIZE_TOKENS", 64..=100_000)
            .unwrap_or(default.part_tokens),
        concurrency: within(reader, "FILE_CONCURRENCY", 1..=100).unwrap_or(default.concurrency),
        per_user: within(reader, "FILES_PER_USER", 1..=100).unwrap_or(default.per_user),
    }
}

/// In bytes.
#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it is a small, positive number"
)]
fn megabytes(value: &str) -> Option<usize> {
    let megabytes: f64 = value.parse().ok()?;
    (0.001..=MOST_MEGABYTES).contains(&megabytes).then_some((megabytes * 1_048_576.0) as usize)
}

fn extension(value: &str) -> Option<String> {
    let bare = value.strip_prefix('.').unwrap_or(value);
    let is_one = !bare.is_empty() && bare.chars().all(char::is_alphanumeric);
    is_one.then(|| bare.to_lowercase())
}

fn within<T>(reader: &mut Reader<'_>, name: &'static str, range: RangeInclusive<T>) -> Option<T>
where
    T: FromStr + PartialOrd + Display,
{
    let expected = format!("a number from {} to {}", range.start(), range.end());
    reader.optional(name, &expected, |value| {
        value.parse().ok().filter(|number| range.contains(number))
    })
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

fn switch(reader: &mut Reader<'_>, name: &'static str, default: bool) -> bool {
    let parsed = reader.optional(name, "on or off", |value| match value {
        "on" => Some(true),
        "off" => Some(false),
        _ => None,
    });
    parsed.unwrap_or(default)
}

/// `None` where there is no bound.
fn bound(reader: &mut Reader<'_>, name: &'static str, default: u32) -> Option<NonZeroU32> {
    NonZeroU32::new(reader.parsed(name, "a number; 0 for no bound", default))
}

fn limits(reader: &mut Reader<'_>) -> Limits {
    let default = Limits::default();
    let mut number = |name| -> Option<NonZeroU32> { reader.parsed_if_set(name, "a number from 1") };
    let seconds = |number: NonZeroU32| Duration::from_secs(number.get().into());
    let count = |number: NonZeroU32| usize::try_from(number.get()).unwrap_or(usize::MAX);
    let kilobytes = |number: NonZeroU32| count(number).saturating_mul(1024);
    Limits {
        messages_per_second: number("WS_MESSAGES_PER_S")
            .map_or(default.messages_per_second, NonZeroU32::get),
        connections_per_user: number("WS_CONNECTIONS_PER_USER")
            .map_or(default.connections_per_user, count),
        idle: number("WS_IDLE_S").map_or(default.idle, seconds),
        slowest: number("WS_SLOWEST_S").map_or(default.slowest, seconds),
        max_frame: number("WS_MAX_FRAME_KB").map_or(default.max_frame, kilobytes),
        max_message: number("WS_MAX_MESSAGE_KB").map_or(default.max_message, kilobytes),
    }
}

fn shutdown_grace(reader: &mut Reader<'_>) -> Duration {
    Duration::from_secs(reader.parsed("SHUTDOWN_GRACE_S", "a number of seconds", 30))
}

fn max_import_bytes(reader: &mut Reader<'_>) -> u64 {
    const MEGABYTE: u64 = 1024 * 1024;
    let expected = "a number of megabytes from 1 to 10000";
    let megabytes = reader.optional("MAX_IMPORT_SIZE_MB", expected, |value| {
        value.parse().ok().filter(|megabytes| (1..=10_000).contains(megabytes))
    });
    megabytes.unwrap_or(100) * MEGABYTE
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

fn upstream(reader: &mut Reader<'_>) -> Option<HttpSettings> {
    let expected = "the full address of chat completions, like \
         https://NAME.openai.azure.com/openai/deployments/NAME/chat/completions?api-version=VERSION \
         or http://127.0.0.1:11434/v1/chat/completions; `make run` brings a small model of its own";
    let url = reader.optional("AZURE_API_URL", expected, web_address);
    if reader.text("AZURE_API_URL").is_none() {
        reader.refuse("AZURE_API_URL", expected);
    }
    let auth = auth(reader);
    let tokens_field = tokens_field(reader);
    let parameters = parameters(reader);
    let timeouts = timeouts(reader);
    let proxy = proxy(reader, url.as_ref());
    Some(HttpSettings {
        api_key: reader.secret("API_KEY"),
        auth,
        model: reader.text("MODEL"),
        tokens_field,
        parameters,
        timeouts,
        proxy,
        ..HttpSettings::new(url?)
    })
}

fn auth(reader: &mut Reader<'_>) -> Auth {
    let parsed =
        reader.optional("LLM_AUTH", "auto, api-key, bearer or none", |value| match value {
            "auto" => Some(Auth::Auto),
            "api-key" => Some(Auth::ApiKey),
            "bearer" => Some(Auth::Bearer),
            "none" => Some(Auth::None),
            _ => None,
        });
    parsed.unwrap_or_default()
}

fn tokens_field(reader: &mut Reader<'_>) -> TokensField {
    let expected = "auto, max_tokens or max_completion_tokens";
    let parsed = reader.optional("LLM_TOKENS_FIELD", expected, |value| match value {
        "auto" => Some(TokensField::Auto),
        "max_tokens" => Some(TokensField::MaxTokens),
        "max_completion_tokens" => Some(TokensField::MaxCompletionTokens),
        _ => None,
    });
    parsed.unwrap_or_default()
}

fn parameters(reader: &mut Reader<'_>) -> ModelParameters {
    const PENALTY: &str = "a number from -2 to 2";
    let effort = "none, minimal, low, medium, high or xhigh";
    ModelParameters {
        temperature: reader.parsed_if_set("LLM_TEMPERATURE", "a number from 0 to 2"),
        top_p: reader.parsed_if_set("LLM_TOP_P", "a number from 0 to 1"),
        presence_penalty: reader.parsed_if_set("LLM_PRESENCE_PENALTY", PENALTY),
        frequency_penalty: reader.parsed_if_set("LLM_FREQUENCY_PENALTY", PENALTY),
        seed: reader.parsed_if_set("LLM_SEED", "a whole number"),
        reasoning_effort: reader.parsed_if_set("LLM_REASONING_EFFORT", effort),
    }
}

fn timeouts(reader: &mut Reader<'_>) -> Timeouts {
    let default = Timeouts::default();
    let mut seconds = |name, default| {
        let expected = "a number of seconds from 1 to 3600";
        let parsed = reader.optional(name, expected, |value| {
            value.parse().ok().filter(|seconds| (1..=3600).contains(seconds))
        });
        parsed.map_or(default, Duration::from_secs)
    };
    Timeouts {
        connect: seconds("LLM_CONNECT_TIMEOUT_S", default.connect),
        first_delta: seconds("LLM_FIRST_DELTA_TIMEOUT_S", default.first_delta),
        idle: seconds("LLM_IDLE_TIMEOUT_S", default.idle),
    }
}

/// The variables that other programs take their proxy from, too, in either case.
fn proxy(reader: &mut Reader<'_>, model: Option<&Url>) -> Option<ProxySettings> {
    let names = match model?.scheme() {
        "https" => ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"],
        _ => ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"],
    };
    let name = names.into_iter().find(|name| reader.text(name).is_some())?;
    let url = reader.optional(name, "an address like http://proxy.example.org:3128", proxy_address);
    let except = reader.text("NO_PROXY").or_else(|| reader.text("no_proxy"));
    Some(ProxySettings { url: url?, except: except.unwrap_or_default() })
}

fn proxy_address(value: &str) -> Option<Url> {
    let with_scheme = if value.contains("://") { value } else { &format!("http://{value}") };
    Url::parse(with_scheme).ok().filter(Url::has_host)
}

#[cfg(test)]
mod tests {
    use webchat_domain::ReasoningEffort;

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
    fn which_files_are_taken_is_read() {
        let variables = [URL, ("MAX_FILE_SIZE_MB", "0.5"), ("ALLOWED_EXTENSIONS", ".TXT, csv")];
        let files = Settings::read(&variables.into_iter().collect()).unwrap().files;

        assert_eq!(files.max_bytes, 512 * 1024);
        assert_eq!(files.extensions, ["txt", "csv"]);
        for (name, value) in [
            ("MAX_FILE_SIZE_MB", "11"),
            ("MAX_FILE_SIZE_MB", "NaN"),
            ("ALLOWED_EXTENSIONS", "txt,,md"),
            ("CHUNK_SIZE_TOKENS", "0"),
            ("FILE_CONCURRENCY", "0"),
            ("FILES_PER_USER", "none"),
        ] {
            let refused = Settings::read(&[URL, (name, value)].into_iter().collect());
            assert_eq!(refused.unwrap_err().0[0].name, name, "{value}");
        }
    }

    #[test]
    fn empty_values_set_nothing() {
        let variables = [URL, ("PORT", ""), ("SECRET_KEY", " "), ("MONGODB_URI", "")];
        let settings = Settings::read(&variables.into_iter().collect()).unwrap();

        assert_eq!(settings.port, 8080);
        assert!(settings.secret_key.is_none());
    }

    #[test]
    fn how_the_model_is_spoken_to_is_read() {
        let variables = [
            URL,
            ("LLM_TOKENS_FIELD", "max_completion_tokens"),
            ("LLM_TEMPERATURE", "0.7"),
            ("LLM_TOP_P", "0.9"),
            ("LLM_PRESENCE_PENALTY", "-1"),
            ("LLM_FREQUENCY_PENALTY", "1.5"),
            ("LLM_SEED", "-7"),
            ("LLM_REASONING_EFFORT", "low"),
            ("LLM_CONNECT_TIMEOUT_S", "1"),
            ("LLM_FIRST_DELTA_TIMEOUT_S", "600"),
            ("LLM_IDLE_TIMEOUT_S", "3600"),
        ];
        let upstream = Settings::read(&variables.into_iter().collect()).unwrap().upstream;

        assert_eq!(upstream.tokens_field, TokensField::MaxCompletionTokens);
        assert_eq!(
            upstream.parameters,
            ModelParameters {
                temperature: "0.7".parse().ok(),
                top_p: "0.9".parse().ok(),
                presence_penalty: "-1".parse().ok(),
                frequency_penalty: "1.5".parse().ok(),
                seed: Some(-7),
                reasoning_effort: Some(ReasoningEffort::Low),
            }
        );
        assert_eq!(
            upstream.timeouts,
            Timeouts {
                connect: Duration::from_secs(1),
                first_delta: Duration::from_mins(10),
                idle: Duration::from_hours(1),
            }
        );
    }

    #[test]
    fn the_proxy_is_that_of_the_models_scheme_or_the_one_for_all() {
        const SECURE: (&str, &str) = ("AZURE_API_URL", "https://model.example/");
        const HTTP: (&str, &str) = ("HTTP_PROXY", "http://me:pa55@a.example:3128");
        const HTTPS: (&str, &str) = ("https_proxy", "b.example:8080");
        const ALL: (&str, &str) = ("ALL_PROXY", "socks5h://c.example");
        for (variables, proxy) in [
            (vec![URL, HTTP, HTTPS, ALL], Some("http://me:pa55@a.example:3128/")),
            (vec![SECURE, HTTP, HTTPS, ALL], Some("http://b.example:8080/")),
            (vec![SECURE, HTTP, ALL], Some("socks5h://c.example")),
            (vec![SECURE, HTTP], None),
        ] {
            let settings = Settings::read(&variables.into_iter().collect()).unwrap();

            let found = settings.upstream.proxy.as_ref().map(|proxy| proxy.url.as_str());
            assert_eq!(found, proxy);
            assert!(!format!("{settings:?}").contains("pa55"));
        }
        let excepted = [SECURE, ALL, ("no_proxy", "model.example")].into_iter().collect();
        let upstream = Settings::read(&excepted).unwrap().upstream;
        assert_eq!(upstream.proxy.map(|proxy| proxy.except).as_deref(), Some("model.example"));
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
            ("LLM_TEMPERATURE", "2.5"),
            ("LLM_IDLE_TIMEOUT_S", "0"),
            ("MONGODB_URI", "mongo://user:pa55@db"),
        ];
        let error = Settings::read(&variables.into_iter().collect()).unwrap_err();

        insta::assert_snapshot!(error, @"
        these settings are wrong:
          REPLY_TOKENS (6 characters): more than 0, and less than MAX_TOKENS
          HOST (9 characters): an IP address
          PORT (4 characters): a number from 0 to 65535
          ALLOWED_ORIGINS (27 characters): addresses like https://chat.example.org, with commas between them
          MONGODB_URI (20 characters): an address like mongodb://host:27017/database?replicaSet=rs0
          SECRET_KEY (7 characters): at least 32 random characters, as `openssl rand -hex 32` prints them
          LOG_FORMAT (3 characters): text or json
          AZURE_API_URL (not set): the full address of chat completions, like https://NAME.openai.azure.com/openai/deployments/NAME/chat/completions?api-version=VERSION or http://127.0.0.1:11434/v1/chat/completions; `make run` brings a small model of its own
          LLM_TEMPERATURE (3 characters): a number from 0 to 2
          LLM_IDLE_TIMEOUT_S (1 characters): a number of seconds from 1 to 3600
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
