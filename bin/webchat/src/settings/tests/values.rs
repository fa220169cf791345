//! Tests of the values of single settings, given as variables.

use std::net::Ipv4Addr;
use std::time::Duration;

use webchat_domain::{ModelParameters, ReasoningEffort};
use webchat_llm::{Timeouts, TokensField};

use super::super::declaration::Setting;
use super::super::kind::Kind;
use super::super::sections::settings;
use super::{URL, read};
use crate::models::models;

#[test]
fn only_the_model_url_is_required() {
    let settings = read(&[URL]).unwrap();

    assert_eq!((settings.server.host, settings.server.port), (Ipv4Addr::LOCALHOST.into(), 8080));
    let models = models(&settings, None).unwrap();
    assert_eq!(
        models.iter().map(|model| (model.window_tokens, model.reply_tokens)).collect::<Vec<_>>(),
        [(128_000, None)]
    );
}

#[test]
fn file_settings_are_parsed() {
    let variables = [URL, ("MAX_FILE_SIZE_MB", "0.5"), ("ALLOWED_EXTENSIONS", ".TXT, csv")];
    let files = read(&variables).unwrap().chat().files;

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
        let result = read(&[URL, (name, value)]);
        assert_eq!(result.unwrap_err().0[0].name, name, "{value}");
    }
}

#[test]
fn trusted_proxies_are_addresses_or_networks() {
    let with_proxies = |value| read(&[URL, ("TRUSTED_PROXIES", value)]);

    let proxies = with_proxies("127.0.0.1, 10.0.0.0/8,::1").unwrap().server.trusted_proxies;
    let invalid = ["proxy.example", "10.0.0.0/33", "127.0.0.1,", "*"]
        .map(|value| with_proxies(value).is_err());

    let shown: Vec<_> = proxies.iter().map(ToString::to_string).collect();
    assert_eq!(shown, ["127.0.0.1/32", "10.0.0.0/8", "::1/128"]);
    assert_eq!(invalid, [true; 4]);
}

#[test]
fn metrics_settings_require_metrics_to_be_on() {
    for (name, value) in
        [("METRICS_TOKEN", "a-token-for-prometheus"), ("METRICS_ADDR", "127.0.0.1:9464")]
    {
        assert!(read(&[URL, ("METRICS", "on"), (name, value)]).is_ok());
        assert_eq!(read(&[URL, (name, value)]).unwrap_err().0[0].name, name);
    }
    for (name, value) in [("METRICS_TOKEN", "short"), ("METRICS_ADDR", "127.0.0.1")] {
        let result = read(&[URL, ("METRICS", "on"), (name, value)]);
        assert_eq!(result.unwrap_err().0[0].name, name, "{value}");
    }
}

#[test]
fn empty_values_count_as_not_set() {
    let variables = [URL, ("PORT", ""), ("SECRET_KEY", " "), ("MONGODB_URI", "")];
    let settings = read(&variables).unwrap();

    assert_eq!(settings.server.port, 8080);
    assert!(settings.sessions.secret_key.is_none());
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
    let upstream = read(&variables).unwrap().model.http().unwrap();

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
fn the_proxy_depends_on_the_scheme_of_the_model_url() {
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
        let settings = read(&variables).unwrap();

        let url = settings.model.http().unwrap().proxy.map(|proxy| proxy.url.to_string());
        assert_eq!(url.as_deref(), proxy);
        assert!(!format!("{settings:?}").contains("pa55"));
    }
    let upstream =
        read(&[SECURE, ALL, ("no_proxy", "model.example")]).unwrap().model.http().unwrap();
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
        ("LLM_SEED", "random"),
        ("LLM_IDLE_TIMEOUT_S", "0"),
        ("DAILY_TOKENS", "many"),
        ("MONGODB_URI", "mongo://user:pa55@db"),
    ];
    let error = read(&variables).unwrap_err();

    insta::assert_snapshot!(error, @"
    invalid settings:
      LLM_TEMPERATURE in the environment (3 characters): expected a number from 0 to 2
      LLM_SEED in the environment (6 characters): expected a 64-bit signed integer
      LLM_IDLE_TIMEOUT_S in the environment (1 character): expected an integer number of seconds from 1 to 3600
      HOST in the environment (9 characters): expected an IP address
      PORT in the environment (4 characters): expected an integer from 0 to 65535
      ALLOWED_ORIGINS in the environment (27 characters): expected origins, separated by commas, such as https://chat.example.org,capacitor://localhost
      MONGODB_URI in the environment (20 characters): expected a URL such as mongodb://host:27017/database?replicaSet=rs0
      SECRET_KEY in the environment (7 characters): expected at least 32 random characters, for example from `openssl rand -hex 32`
      DAILY_TOKENS in the environment (4 characters): expected an integer number of tokens, or 0 for no limit
      LOG_FORMAT in the environment (3 characters): expected text or json
      AZURE_API_URL (not set): expected the full chat-completions URL, such as https://NAME.openai.azure.com/openai/deployments/NAME/chat/completions?api-version=VERSION or http://127.0.0.1:11434/v1/chat/completions; `make run` starts a small local model
      REPLY_TOKENS in the environment (an integer): expected a number of tokens less than MAX_TOKENS
    ");
}

#[test]
fn the_window_defaults_to_the_window_of_the_model() {
    let window = |variables: &[(&'static str, &'static str)]| {
        let variables = variables.iter().chain([&URL]).copied();
        let settings = read(&variables.collect::<Vec<_>>()).unwrap();
        models(&settings, None).unwrap()[0].window_tokens
    };

    assert_eq!(window(&[("MODEL", "gpt-4")]), 8_192);
    assert_eq!(window(&[("MODEL", "gpt-4"), ("MAX_TOKENS", "4000")]), 4_000);
    assert_eq!(window(&[("MODEL", "SmolLM2-135M-Instruct")]), 128_000);
}

#[test]
fn a_quarter_of_the_window_is_reserved_for_an_answer_without_a_maximum() {
    let reserved = |reply| {
        let settings = read(&[URL, ("MAX_TOKENS", "8192"), ("REPLY_TOKENS", reply)]).unwrap();
        models(&settings, None).unwrap()[0].reserved_tokens()
    };

    assert_eq!([reserved(""), reserved("800")], [2_048, 800]);
}

#[test]
fn production_requires_a_random_secret_key() {
    let in_production = |key: &str| read(&[URL, ("APP_ENV", "production"), ("SECRET_KEY", key)]);

    for predictable in ["", &"a".repeat(64), &"secret".repeat(9)] {
        let error = in_production(predictable).unwrap_err();
        assert_eq!(
            error.0.first().map(|invalid| invalid.name.as_str()),
            Some("SECRET_KEY"),
            "{predictable}"
        );
    }
    assert!(in_production("0f5c1e7fd21a4d7e8a92be31c4d60f5c").is_ok());
}

#[test]
fn the_defaults_match_the_defaults_of_the_crates() {
    let settings = read(&[URL]).unwrap();

    let chat = settings.chat();
    let server = settings.transport(Vec::new(), None, None);
    assert_eq!(chat.files, webchat_chat::FileSettings::default());
    assert_eq!(settings.model.http().unwrap().timeouts, Timeouts::default());
    assert_eq!(
        format!("{:?}", server.limits),
        format!("{:?}", webchat_transport::Limits::default())
    );
}

/// Returns the smallest and largest values that are accepted, or all choices.
fn accepted_values(setting: &Setting) -> Vec<String> {
    match setting.kind {
        Kind::Choice(choices) => choices.iter().map(ToString::to_string).collect(),
        Kind::Switch => vec!["on".to_owned(), "off".to_owned()],
        Kind::Integer { min, max, .. } => vec![min.to_string(), max.to_string()],
        Kind::Limit { max, .. } => vec!["0".to_owned(), max.to_string()],
        Kind::Number { min, max } => vec![min.to_string(), max.to_string()],
        Kind::List { example, .. } => vec![example.to_owned()],
        Kind::Text { .. } => Vec::new(),
    }
}

#[test]
fn each_field_type_accepts_the_values_that_its_kind_accepts() {
    // Further providers need settings of their own.
    let excluded = ["REPLY_TOKENS", "OIDC_PROVIDERS"];
    for setting in settings().filter(|setting| !excluded.contains(&setting.variable)) {
        for value in accepted_values(setting) {
            let secret = ("SECRET_KEY", "0f5c1e7fd21a4d7e8a92be31c4d60f5c");
            let window = ("MAX_TOKENS", "4294967295");
            let mut others = vec![URL, secret, window, ("AUTH", "optional")];
            if setting.variable == "PASSWORD_SIGN_IN" {
                others.extend([("AUTH_HEADER", "X-User"), ("AUTH_HEADER_PROXIES", "127.0.0.1")]);
            }
            others.push((setting.variable, &value));
            let result = read(&others);
            assert!(result.is_ok(), "{}={value}: {result:?}", setting.variable);
        }
    }
}

#[test]
fn an_invalid_proxy_that_is_not_used_is_ignored() {
    let secure = ("AZURE_API_URL", "https://model.example/");
    let invalid = |name| read(&[secure, (name, "http://")]).map(|_| ());

    assert!(invalid("HTTP_PROXY").is_ok());
    assert_eq!(invalid("https_proxy").unwrap_err().0[0].name, "HTTPS_PROXY");
}
