//! The header that carries the API key.

use reqwest::header::{AUTHORIZATION, HeaderName, HeaderValue, InvalidHeaderValue};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::Auth;

/// Returns the header that carries the key, or `None` if the key must not be sent.
pub(crate) fn key_header(
    auth: Auth,
    url: &Url,
    key: &SecretString,
) -> Result<Option<(HeaderName, HeaderValue)>, InvalidHeaderValue> {
    let key = key.expose_secret();
    let (name, value) = match auth {
        Auth::None | Auth::Entra => return Ok(None),
        Auth::Auto if is_azure(url) => (HeaderName::from_static("api-key"), key.to_owned()),
        Auth::ApiKey => (HeaderName::from_static("api-key"), key.to_owned()),
        Auth::Auto | Auth::Bearer => (AUTHORIZATION, format!("Bearer {key}")),
    };
    let mut value = HeaderValue::try_from(value)?;
    value.set_sensitive(true);
    Ok(Some((name, value)))
}

/// Returns whether the address has one of Azure's hosts, or a path like Azure's, which gateways keep.
pub(crate) fn is_azure<'a>(url: &'a Url) -> bool {
    const SERVICES: [&str; 3] = [".openai", ".cognitiveservices", ".services.ai"];
    // The last two are the clouds of the United States' government and of China.
    const CLOUDS: [&str; 3] = [".azure.com", ".azure.us", ".azure.cn"];
    let service = |host: &'a str| CLOUDS.iter().find_map(|cloud| host.strip_suffix(cloud));
    let is_service = |host: &str| SERVICES.iter().any(|service| host.ends_with(service));
    url.host_str().and_then(service).is_some_and(is_service)
        || url.path().contains("/openai/deployments/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_depends_on_the_setting_and_the_address() {
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
            let key_header = key_header(auth, &url.parse().unwrap(), &"k-1".into()).unwrap();

            let (name, value) = key_header.unwrap();
            assert_eq!(name, header, "{auth:?} {url}");
            // Code that logs headers omits sensitive values.
            assert!(value.is_sensitive());
            assert_eq!(value, if header == "api-key" { "k-1" } else { "Bearer k-1" });
        }
    }

    #[test]
    fn no_header_is_sent_without_authentication() {
        let url = "https://api.openai.com/".parse().unwrap();

        assert_eq!(key_header(Auth::None, &url, &"k-1".into()).unwrap(), None);
    }
}
