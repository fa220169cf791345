//! The settings of the model.

use std::time::Duration;

use url::Url;
use webchat_domain::ModelParameters;
use webchat_llm::{Auth, HttpSettings, ProxySettings, Timeouts, TokensField};

use super::parsers::{http_url, number_in_range};
use crate::env::EnvReader;

pub(super) fn upstream(reader: &mut EnvReader<'_>) -> Option<HttpSettings> {
    let expected = "the full chat-completions URL, like \
         https://NAME.openai.azure.com/openai/deployments/NAME/chat/completions?api-version=VERSION \
         or http://127.0.0.1:11434/v1/chat/completions; `make run` starts a small local model";
    let url = reader.optional("AZURE_API_URL", expected, http_url);
    if reader.text("AZURE_API_URL").is_none() {
        reader.reject("AZURE_API_URL", expected);
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

fn auth(reader: &mut EnvReader<'_>) -> Auth {
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

fn tokens_field(reader: &mut EnvReader<'_>) -> TokensField {
    let expected = "auto, max_tokens or max_completion_tokens";
    let parsed = reader.optional("LLM_TOKENS_FIELD", expected, |value| match value {
        "auto" => Some(TokensField::Auto),
        "max_tokens" => Some(TokensField::MaxTokens),
        "max_completion_tokens" => Some(TokensField::MaxCompletionTokens),
        _ => None,
    });
    parsed.unwrap_or_default()
}

fn parameters(reader: &mut EnvReader<'_>) -> ModelParameters {
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

fn timeouts(reader: &mut EnvReader<'_>) -> Timeouts {
    let default = Timeouts::default();
    let mut seconds = |name, default| {
        number_in_range(reader, name, " of seconds", 1..=3600).map_or(default, Duration::from_secs)
    };
    Timeouts {
        connect: seconds("LLM_CONNECT_TIMEOUT_S", default.connect),
        first_delta: seconds("LLM_FIRST_DELTA_TIMEOUT_S", default.first_delta),
        idle: seconds("LLM_IDLE_TIMEOUT_S", default.idle),
    }
}

/// `LLM_MAX_TURN_S`
pub(super) fn max_turn_duration(reader: &mut EnvReader<'_>) -> Duration {
    let seconds = number_in_range(reader, "LLM_MAX_TURN_S", " of seconds", 1..=86_400);
    Duration::from_secs(seconds.unwrap_or(600))
}

/// The proxy, from the usual variables in upper or lower case.
fn proxy(reader: &mut EnvReader<'_>, model: Option<&Url>) -> Option<ProxySettings> {
    let names = match model?.scheme() {
        "https" => ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"],
        _ => ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"],
    };
    let name = names.into_iter().find(|name| reader.text(name).is_some())?;
    let url = reader.optional(name, "a URL like http://proxy.example.org:3128", proxy_url);
    let except = reader.text("NO_PROXY").or_else(|| reader.text("no_proxy"));
    Some(ProxySettings { url: url?, except: except.unwrap_or_default() })
}

fn proxy_url(value: &str) -> Option<Url> {
    let with_scheme = if value.contains("://") { value } else { &format!("http://{value}") };
    Url::parse(with_scheme).ok().filter(Url::has_host)
}
