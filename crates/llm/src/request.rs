use reqwest::header::{AUTHORIZATION, HeaderName, HeaderValue, InvalidHeaderValue};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use url::{Host, Url};
use webchat_domain::ModelParameters;

use crate::dialect::Dialect;
use crate::{Auth, ChatMessage, ChatRequest, HttpSettings};

/// The body of a request, as in <https://platform.openai.com/docs/api-reference/chat/create>.
#[derive(Serialize)]
pub(crate) struct Body<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<&'a str>,
    messages: &'a [ChatMessage],
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_completion_tokens: Option<u32>,
    stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_options: Option<StreamOptions>,
    #[serde(flatten)]
    parameters: ModelParameters,
}

#[derive(Serialize)]
struct StreamOptions {
    include_usage: bool,
}

impl<'a> Body<'a> {
    pub(crate) fn new(
        settings: &'a HttpSettings,
        dialect: Dialect,
        request: &'a ChatRequest,
    ) -> Self {
        let tokens = Some(request.max_reply_tokens);
        let (max_tokens, max_completion_tokens) =
            if dialect.max_completion_tokens { (None, tokens) } else { (tokens, None) };
        Self {
            model: settings.model.as_deref(),
            messages: &request.messages,
            max_tokens,
            max_completion_tokens,
            stream: true,
            stream_options: dialect.stream_options.then_some(StreamOptions { include_usage: true }),
            parameters: request.parameters.or(settings.parameters),
        }
    }
}

/// The header that carries the key.
pub(crate) fn key_header(
    auth: Auth,
    url: &Url,
    key: &SecretString,
) -> Result<Option<(HeaderName, HeaderValue)>, InvalidHeaderValue> {
    let key = key.expose_secret();
    let (name, value) = match auth {
        Auth::None => return Ok(None),
        Auth::Auto if is_azure(url) => (HeaderName::from_static("api-key"), key.to_owned()),
        Auth::ApiKey => (HeaderName::from_static("api-key"), key.to_owned()),
        Auth::Auto | Auth::Bearer => (AUTHORIZATION, format!("Bearer {key}")),
    };
    let mut value = HeaderValue::try_from(value)?;
    value.set_sensitive(true);
    Ok(Some((name, value)))
}

/// Azure's own hosts, and gateways before it that keep its paths.
fn is_azure<'a>(url: &'a Url) -> bool {
    const SERVICES: [&str; 3] = [".openai", ".cognitiveservices", ".services.ai"];
    // The last two are the clouds of the United States' government and of China.
    const CLOUDS: [&str; 3] = [".azure.com", ".azure.us", ".azure.cn"];
    let service = |host: &'a str| CLOUDS.iter().find_map(|cloud| host.strip_suffix(cloud));
    let is_service = |host: &str| SERVICES.iter().any(|service| host.ends_with(service));
    url.host_str().and_then(service).is_some_and(is_service)
        || url.path().contains("/openai/deployments/")
}

/// Whether the model runs on this machine, to which no proxy leads.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_goes_as_the_address_or_the_operator_says() {
        for (auth, url, header) in [
            (Auth::Auto, "https://a.openai.azure.com/openai/v1/chat/completions", "api-key"),
            (Auth::Auto, "https://a.cognitiveservices.azure.com/x", "api-key"),
            (Auth::Auto, "https://a.services.ai.azure.com/x", "api-key"),
            (Auth::Auto, "https://gateway.example/openai/deployments/a/chat", "api-key"),
            (Auth::Auto, "https://a.openai.azure.us/openai/v1/chat/completions", "api-key"),
            (Auth::Auto, "https://api.groq.com/openai/v1/chat/completions", "authorization"),
            (Auth::Auto, "https://api.openai.com/v1/chat/completions", "authorization"),
            (Auth::Auto, "https://models.inference.ai.azure.com/chat/completions", "authorization"),
            (Auth::Auto, "https://evil.example/?a.openai.azure.com", "authorization"),
            (Auth::Auto, "https://a.openai.azure.com.evil.example/", "authorization"),
            (Auth::ApiKey, "https://api.openai.com/", "api-key"),
            (Auth::Bearer, "https://a.openai.azure.com/", "authorization"),
        ] {
            let sent = key_header(auth, &url.parse().unwrap(), &"k-1".into()).unwrap();

            let (name, value) = sent.unwrap();
            assert_eq!(name, header, "{auth:?} {url}");
            // Whatever logs headers leaves it out.
            assert!(value.is_sensitive());
            assert_eq!(value, if header == "api-key" { "k-1" } else { "Bearer k-1" });
        }
    }

    #[test]
    fn no_key_goes_where_none_is_wanted() {
        let url = "https://api.openai.com/".parse().unwrap();

        assert_eq!(key_header(Auth::None, &url, &"k-1".into()).unwrap(), None);
    }

    #[test]
    fn this_machine_is_known_by_each_of_its_names() {
        for (url, here) in [
            ("http://127.0.0.1:8080/", true),
            ("http://[::1]/", true),
            ("http://localhost/", true),
            ("http://localhost.example/", false),
            ("http://10.0.0.1/", false),
        ] {
            assert_eq!(is_loopback(&url.parse().unwrap()), here, "{url}");
        }
    }
}
