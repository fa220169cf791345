//! Tests of the settings.

use webchat_domain::{ModelParameters, ReasoningEffort};
use webchat_llm::{Timeouts, TokensField};

use super::*;

const URL: (&str, &str) = ("AZURE_API_URL", "http://127.0.0.1:9/v1/chat/completions");

#[test]
fn only_the_upstream_is_required() {
    let settings = Settings::read(&[URL].into_iter().collect()).unwrap();

    assert_eq!((settings.host, settings.port), (Ipv4Addr::LOCALHOST.into(), 8080));
    assert_eq!((settings.window_tokens, settings.reply_tokens), (128_000, 800));
}

#[test]
fn the_example_file_has_the_defaults() {
    let is_name = |name: &str| name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
    let example = include_str!("../../../../.env.example").lines();
    let shown = example
        .filter_map(|line| line.strip_prefix('#')?.split_once('='))
        .filter(|(name, _)| is_name(name));

    let as_shown = Settings::read(&shown.chain([URL]).collect()).unwrap();

    let by_default = Settings::read(&[URL].into_iter().collect()).unwrap();
    assert_eq!(format!("{as_shown:?}"), format!("{by_default:?}"));
}

#[test]
fn file_settings_are_parsed() {
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
        let result = Settings::read(&[URL, (name, value)].into_iter().collect());
        assert_eq!(result.unwrap_err().0[0].name, name, "{value}");
    }
}

#[test]
fn trusted_proxies_are_addresses_or_networks() {
    let read = |value| Settings::read(&[URL, ("TRUSTED_PROXIES", value)].into_iter().collect());

    let proxies = read("127.0.0.1, 10.0.0.0/8,::1").unwrap().trusted_proxies;
    let invalid =
        ["proxy.example", "10.0.0.0/33", "127.0.0.1,", "*"].map(|value| read(value).is_err());

    let shown: Vec<_> = proxies.iter().map(ToString::to_string).collect();
    assert_eq!(shown, ["127.0.0.1/32", "10.0.0.0/8", "::1/128"]);
    assert_eq!(invalid, [true; 4]);
}

#[test]
fn empty_values_count_as_not_set() {
    let variables = [URL, ("PORT", ""), ("SECRET_KEY", " "), ("MONGODB_URI", "")];
    let settings = Settings::read(&variables.into_iter().collect()).unwrap();

    assert_eq!(settings.port, 8080);
    assert!(settings.secret_key.is_none());
}

#[test]
fn model_settings_are_parsed() {
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
fn the_proxy_depends_on_the_scheme_of_the_model() {
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

        let url = settings.upstream.proxy.as_ref().map(|proxy| proxy.url.as_str());
        assert_eq!(url, proxy);
        assert!(!format!("{settings:?}").contains("pa55"));
    }
    let excepted = [SECURE, ALL, ("no_proxy", "model.example")].into_iter().collect();
    let upstream = Settings::read(&excepted).unwrap().upstream;
    assert_eq!(upstream.proxy.map(|proxy| proxy.except).as_deref(), Some("model.example"));
}

#[test]
fn all_invalid_settings_are_reported_without_their_values() {
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
    invalid settings:
      REPLY_TOKENS (6 characters): more than 0 and less than MAX_TOKENS
      HOST (9 characters): an IP address
      PORT (4 characters): a number from 0 to 65535
      ALLOWED_ORIGINS (27 characters): comma-separated URLs like https://chat.example.org
      MONGODB_URI (20 characters): a URL like mongodb://host:27017/database?replicaSet=rs0
      SECRET_KEY (7 characters): at least 32 random characters, as `openssl rand -hex 32` prints them
      LOG_FORMAT (3 characters): text or json
      AZURE_API_URL (not set): the full chat-completions URL, like https://NAME.openai.azure.com/openai/deployments/NAME/chat/completions?api-version=VERSION or http://127.0.0.1:11434/v1/chat/completions; `make run` starts a small local model
      LLM_TEMPERATURE (3 characters): a number from 0 to 2
      LLM_IDLE_TIMEOUT_S (1 characters): a number of seconds from 1 to 3600
    ");
}

#[test]
fn the_window_defaults_to_that_of_the_model() {
    let window = |variables: &[(&'static str, &'static str)]| {
        let variables = variables.iter().chain([&URL]).copied();
        Settings::read(&variables.collect()).unwrap().window_tokens
    };

    assert_eq!(window(&[("MODEL", "gpt-4")]), 8_192);
    assert_eq!(window(&[("MODEL", "gpt-4"), ("MAX_TOKENS", "4000")]), 4_000);
    assert_eq!(window(&[("MODEL", "SmolLM2-135M-Instruct")]), 128_000);
}

#[test]
fn production_requires_a_random_secret_key() {
    let in_production = |key: &str| {
        let variables = [URL, ("APP_ENV", "production"), ("SECRET_KEY", key)];
        Settings::read(&variables.into_iter().collect())
    };

    for predictable in ["", &"a".repeat(64), &"secret".repeat(9)] {
        let error = in_production(predictable).unwrap_err();
        assert_eq!(
            error.0.first().map(|invalid| invalid.name),
            Some("SECRET_KEY"),
            "{predictable}"
        );
    }
    assert!(in_production("0f5c1e7fd21a4d7e8a92be31c4d60f5c").is_ok());
}

#[test]
fn secrets_are_not_shown() {
    let variables = [URL, ("API_KEY", "sk-live"), ("SECRET_KEY", &"s3cr3t".repeat(9))];
    let settings = Settings::read(&variables.into_iter().collect()).unwrap();

    let shown = format!("{settings:?}");
    assert!(!shown.contains("sk-live") && !shown.contains("s3cr3t"), "{shown}");
}
