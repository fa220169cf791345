//! Tests of the configuration file.

use super::*;

fn errors(text: &str) -> Vec<String> {
    match Settings::read(&with_file(text)) {
        Ok(_) => Vec::new(),
        Err(error) => error.0.iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn all_types_of_values_are_read() {
    let text = "
        [model]
        name = 'gpt-4'
        temperature = 1
        top_p = 0.5
        auto_titles = false
        [files]
        allowed_extensions = ['.TXT', 'csv']
        [server]
        app_env = 'production'
        trusted_proxies = ['127.0.0.1', '10.0.0.0/8']
        [sessions]
        secret_key = '0f5c1e7fd21a4d7e8a92be31c4d60f5c'
    ";
    let settings = Settings::read(&with_file(text)).unwrap();

    assert_eq!(settings.model.name.as_deref(), Some("gpt-4"));
    assert_eq!(settings.model.temperature, "1".parse().ok());
    assert_eq!(settings.model.top_p, "0.5".parse().ok());
    assert!(!settings.model.auto_titles);
    assert_eq!(settings.chat().files.extensions, ["txt", "csv"]);
    assert_eq!(settings.server.app_env, AppEnv::Production);
    assert_eq!(settings.server.trusted_proxies.len(), 2);
}

#[test]
fn unknown_names_are_refused_with_a_suggestion() {
    let text = "
        Port = 1
        nonsense = 1
        [servr]
        port = 1
        [server]
        hots = '0.0.0.0'
        api_key = 'sk-live'
        LOG_LEVEL = 'debug'
        xyzzy = 1
        [redis]
    ";

    insta::assert_snapshot!(errors(text).join("\n"), @"
    Port in webchat.toml (unknown): did you mean server.port?
    [redis] in webchat.toml (unknown): expected one of [model], [entra], [files], [server], [storage], [sessions], [oidc], [limits], [connections], [log], [audit], [traces]
    [servr] in webchat.toml (unknown): did you mean [server]?
    nonsense in webchat.toml (unknown): expected a setting in one of [model], [entra], [files], [server], [storage], [sessions], [oidc], [limits], [connections], [log], [audit], [traces]
    server.LOG_LEVEL in webchat.toml (unknown): did you mean log.level?
    server.api_key in webchat.toml (unknown): did you mean model.api_key?
    server.hots in webchat.toml (unknown): did you mean server.host?
    server.xyzzy in webchat.toml (unknown): expected one of app_env, host, port, public_url, allowed_origins, trusted_proxies, shutdown_grace_s, metrics, metrics_token, metrics_addr, web_dir
    ");
}

#[test]
fn invalid_types_and_values_are_refused_even_if_they_are_overridden() {
    let text = "
        storage = 'data'
        [server]
        host = 1
        port = '8080'
        metrics = 'on'
        allowed_origins = 'https://a.example'
        trusted_proxies = ['127.0.0.1', 2]
        [model]
        temperature = 3
        max_tokens = 1.5
        api_key = ['sk-live']
        auth = 'sk-live'
        [model.name]
        a = 1
    ";
    let mut sources = with_file(text);
    sources.environment.insert("PORT".to_owned(), "80".to_owned());

    let error = Settings::read(&sources).unwrap_err();

    insta::assert_snapshot!(error, @r#"
    invalid settings:
      model.api_key in webchat.toml (an array of length 1): expected a string
      model.auth in webchat.toml (a string of 7 characters): expected one of auto, api-key, bearer, entra, none
      model.max_tokens in webchat.toml (a number): expected an integer number of tokens, at least 1
      model.name in webchat.toml (a section): expected a string
      model.temperature in webchat.toml (an integer): expected a number from 0 to 2
      server.allowed_origins in webchat.toml (a string of 17 characters): expected a list of origins such as ["https://chat.example.org", "capacitor://localhost"]
      server.host in webchat.toml (an integer): expected an IP address
      server.metrics in webchat.toml (a string of 2 characters): expected true or false
      server.port in webchat.toml (a string of 4 characters): expected an integer from 0 to 65535
      server.trusted_proxies in webchat.toml (an array of length 2): expected a list of addresses or networks such as ["127.0.0.1", "10.0.0.0/8"]
      storage in webchat.toml (a string of 4 characters): expected the section [storage]
    "#);
}

#[test]
fn errors_of_all_sources_are_reported_together() {
    let mut sources =
        with_file("[server]\nprot = 1\nhost = 'here'\n[model]\nreply_tokens = 9000000");
    sources.dotenv.insert("PORT".to_owned(), "http".to_owned());
    sources.environment.insert("LOG_LEVEL".to_owned(), "loud".to_owned());
    sources.environment.remove("AZURE_API_URL");

    let error = Settings::read(&sources).unwrap_err();

    insta::assert_snapshot!(error, @"
    invalid settings:
      server.host in webchat.toml (a string of 4 characters): expected an IP address
      server.prot in webchat.toml (unknown): did you mean server.port?
      PORT in .env (4 characters): expected an integer from 0 to 65535
      LOG_LEVEL in the environment (4 characters): expected one of error, warn, info, debug, trace
      AZURE_API_URL (not set): expected the full chat-completions URL, such as https://NAME.openai.azure.com/openai/deployments/NAME/chat/completions?api-version=VERSION or http://127.0.0.1:11434/v1/chat/completions; `make run` starts a small local model
      model.reply_tokens in webchat.toml (an integer): expected a number of tokens less than MAX_TOKENS
    ");
}

#[test]
fn a_syntax_error_is_reported_with_its_line_number_but_not_its_text() {
    for text in [
        "[model]\napi_key = 'sk-live",
        "[model]\napi_key = sk-live",
        "[model]\napi_key = \"sk-live\\q\"",
        "[model]\napi_key = 'a' 'sk-live'",
        "[model]\nname = 'a'\nname = 'sk-live'",
    ] {
        let errors = errors(text);
        assert_eq!(errors.len(), 1, "{errors:?}");
        assert!(errors[0].starts_with("webchat.toml (line "), "{errors:?}");
        assert!(!errors[0].contains("sk-live"), "{errors:?}");
    }
    assert_eq!(errors("[server]\nport = 99999999999999999999").len(), 1);
}
