//! Tests of the rendered settings, and of hiding secrets.

use super::super::kind::{Kind, Visibility};
use super::super::sections::settings;
use super::*;

/// A text that appears in each secret, and nowhere else.
const SECRET: &str = "s3cr3t-w0rds";

fn secret_of(variable: &str) -> String {
    match variable {
        "MONGODB_URI" => format!("mongodb://me:{SECRET}@db.example/chat"),
        "REDIS_URL" => format!("redis://:{SECRET}@cache.example"),
        "SECRET_KEY" | "METRICS_TOKEN" => format!("{SECRET}-0f5c1e7fd21a4d7e8a92be31c4d60f5c"),
        "OTEL_EXPORTER_OTLP_HEADERS" => format!("api-key={SECRET}"),
        name if name.ends_with("_PROXY") => format!("http://me:{SECRET}@proxy.example"),
        _ => SECRET.to_owned(),
    }
}

/// The variables of all secrets.
fn secrets() -> Vec<&'static str> {
    let is_secret = |kind: &Kind| matches!(kind, Kind::Text { visibility: Visibility::Secret, .. });
    let settings = settings().filter(|setting| is_secret(&setting.kind));
    settings.map(|setting| setting.variable).collect()
}

#[test]
fn exactly_these_settings_are_secret() {
    assert_eq!(
        secrets(),
        [
            "API_KEY",
            "HTTPS_PROXY",
            "HTTP_PROXY",
            "ALL_PROXY",
            "AZURE_CLIENT_SECRET",
            "IDENTITY_HEADER",
            "METRICS_TOKEN",
            "MONGODB_URI",
            "REDIS_URL",
            "SECRET_KEY",
            "OIDC_CLIENT_SECRET",
            "OTEL_EXPORTER_OTLP_HEADERS"
        ]
    );
}

#[test]
fn no_secret_is_printed() {
    for variable in secrets() {
        let secret = secret_of(variable);
        let variables = [URL, ("METRICS", "on"), (variable, secret.as_str())];
        let mut sources: SettingsSources = variables.into_iter().collect();

        let debug = format!("{:?}", Settings::read(&sources).unwrap());
        let printed = sources.render().unwrap();
        sources.environment.insert("PORT".to_owned(), secret.clone());
        sources.environment.insert("LOG_LEVEL".to_owned(), secret);
        let error = Settings::read(&sources).unwrap_err();

        for text in [debug, printed.clone(), error.to_string(), format!("{error:?}")] {
            assert!(!text.contains(SECRET), "{variable}: {text}");
        }
        assert!(
            printed.contains(&format!("secret, from {variable} in the environment")),
            "{printed}"
        );
    }
}

#[test]
fn no_secret_in_the_model_url_is_printed() {
    for (url, is_printed) in [
        (format!("https://me:{SECRET}@model.example/"), false),
        (format!("https://{SECRET}@model.example/"), false),
        (format!("https://model.example/?key={SECRET}"), false),
        ("https://model.example/?api-version=2025".to_owned(), true),
    ] {
        let sources = [("AZURE_API_URL", url.as_str())].into_iter().collect::<SettingsSources>();

        let printed = sources.render().unwrap();
        let debug = format!("{:?}", Settings::read(&sources).unwrap());

        assert!(!printed.contains(SECRET) && !debug.contains(SECRET), "{printed} {debug}");
        assert_eq!(printed.contains(&url), is_printed, "{printed}");
    }
}

#[test]
fn each_value_is_printed_with_its_source() {
    let mut sources = with_file("[model]\nname = 'a \"quoted\" name'\n[log]\nlevel = 'debug'");
    sources.dotenv.insert("ALLOWED_EXTENSIONS".to_owned(), "txt, csv".to_owned());
    sources.environment.insert("METRICS".to_owned(), "on".to_owned());

    let printed = sources.render().unwrap();

    for line in [
        "url = \"http://127.0.0.1:9/v1/chat/completions\" # AZURE_API_URL in the environment",
        "name = 'a \"quoted\" name' # webchat.toml",
        "level = \"debug\" # webchat.toml",
        "allowed_extensions = [\"txt\", \"csv\"] # ALLOWED_EXTENSIONS in .env",
        "metrics = true # METRICS in the environment",
        "port = 8080 # default",
        "max_size_mb = 5.0 # default",
        "# seed is not set",
    ] {
        assert!(printed.lines().any(|printed| printed == line), "{line}\n{printed}");
    }
}

#[test]
fn the_printed_settings_are_a_configuration_file() {
    let variables =
        [URL, ("SYSTEM_PROMPT", "two\nlines \"\"\" ''' \\ \u{7f}"), ("LLM_TOP_P", "0.25")];
    let sources: SettingsSources = variables.into_iter().collect();
    let printed = sources.render().unwrap();

    let mut from_file = with_file(&printed);
    from_file.environment.clear();

    assert_eq!(read_values(&sources), read_values(&from_file));
}

#[test]
fn printed_models_are_a_configuration_file() {
    let file = "[[models]]\nid = 'tides'\nwindow = 16000\n[[models.deployments]]\n\
                url = 'http://127.0.0.1:9/v1'\norder = 1\n[[models.deployments]]\n\
                url = 'http://127.0.0.1:8/v1'\norder = 2\n";
    let with_models = |file: &str| {
        let mut sources = with_file(file);
        sources.environment.clear();
        sources
    };

    let printed = with_models(file).render().unwrap();

    let models = |file: &str| format!("{:?}", Settings::read(&with_models(file)).unwrap().models);
    assert_eq!(models(&printed), models(file), "{printed}");
}

#[test]
fn invalid_settings_are_not_printed() {
    let sources = [URL, ("PORT", "http")].into_iter().collect::<SettingsSources>();

    assert_eq!(sources.render().unwrap_err().0[0].name, "PORT");
}
