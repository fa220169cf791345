//! Warnings about unencrypted connections to other machines.

use secrecy::ExposeSecret;
use url::Url;
use webchat_llm::Auth;

use crate::Settings;

/// Logs a warning for each unencrypted connection that carries secrets or texts to another machine.
pub(crate) fn warn(settings: &Settings) {
    for (setting, advice) in unencrypted_connections(settings) {
        tracing::warn!(setting, advice, "the connection to another machine is not encrypted");
    }
}

/// Returns the settings of such connections, each with advice.
fn unencrypted_connections(settings: &Settings) -> Vec<(&'static str, &'static str)> {
    let stores = &settings.storage;
    let redis = stores.redis_url.as_ref().map(ExposeSecret::expose_secret);
    let mongodb = stores.mongodb_uri.as_ref().map(ExposeSecret::expose_secret);
    let has_key = settings.model.api_key.is_some() || settings.model.auth == Auth::Entra;
    let model = settings.model.url.as_ref().filter(|_| has_key);
    let model = model.map(|url| url.0.as_str());
    let traces = settings.traces.headers.as_ref().and(settings.traces.endpoint.as_ref());
    let traces = traces.map(|endpoint| endpoint.0.as_str());
    [
        redis.filter(|url| is_plain(url, "redis://")).map(|_| ("REDIS_URL", "use rediss://")),
        mongodb.filter(|uri| is_plain_mongodb(uri)).map(|_| ("MONGODB_URI", "add tls=true")),
        model.filter(|url| is_plain(url, "http://")).map(|_| {
            ("AZURE_API_URL", "use https://, as the key or token is sent with each request")
        }),
        traces.filter(|url| is_plain(url, "http://")).map(|_| {
            let advice = "use https://, as OTEL_EXPORTER_OTLP_HEADERS are sent with each export";
            ("OTEL_EXPORTER_OTLP_ENDPOINT", advice)
        }),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// `mongodb+srv://` is encrypted by default.
fn is_plain_mongodb(uri: &str) -> bool {
    let has_tls = uri.contains("tls=true") || uri.contains("ssl=true");
    is_plain(uri, "mongodb://") && !has_tls
}

/// Whether the URL has this scheme and the host of another machine.
fn is_plain(url: &str, scheme: &str) -> bool {
    let Some(rest) = url.strip_prefix(scheme) else { return false };
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let hosts = authority.rsplit('@').next().unwrap_or_default();
    !hosts.split(',').all(is_this_machine)
}

fn is_this_machine(host: &str) -> bool {
    let Ok(url) = Url::parse(&format!("http://{host}")) else { return false };
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn warned(variables: &[(&str, &str)]) -> Vec<&'static str> {
        let settings = Settings::read(&variables.iter().copied().collect()).unwrap();
        unencrypted_connections(&settings).into_iter().map(|(setting, _)| setting).collect()
    }

    #[test]
    fn unencrypted_connections_to_other_machines_are_warned_about() {
        let plain = [
            ("AZURE_API_URL", "http://model.example/v1/chat/completions"),
            ("API_KEY", "key"),
            ("REDIS_URL", "redis://:p@ss@cache:6379"),
            ("MONGODB_URI", "mongodb://me:secret@127.0.0.1,db.example/chat?replicaSet=rs0"),
        ];

        assert_eq!(warned(&plain), ["REDIS_URL", "MONGODB_URI", "AZURE_API_URL"]);
        assert_eq!(warned(&[plain[0], ("LLM_AUTH", "entra")]), ["AZURE_API_URL"]);
    }

    #[cfg(feature = "otlp")]
    #[test]
    fn headers_of_traces_are_secrets() {
        let warned = |endpoint, headers| {
            warned(&[
                ("AZURE_API_URL", "http://127.0.0.1:11434/v1/chat/completions"),
                ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint),
                ("OTEL_EXPORTER_OTLP_HEADERS", headers),
            ])
        };

        let (plain, header) = ("http://collector.example:4318", "api-key=secret");
        assert_eq!(warned(plain, header), ["OTEL_EXPORTER_OTLP_ENDPOINT"]);
        for (endpoint, headers) in
            [(plain, ""), ("https://collector.example", header), ("http://localhost:4318", header)]
        {
            assert_eq!(warned(endpoint, headers), [""; 0], "{endpoint}");
        }
    }

    #[test]
    fn encrypted_and_local_connections_are_not_warned_about() {
        let encrypted = [
            ("AZURE_API_URL", "https://model.example/v1/chat/completions"),
            ("API_KEY", "key"),
            ("REDIS_URL", "rediss://cache:6379"),
            ("MONGODB_URI", "mongodb://db.example/chat?tls=true"),
        ];
        let local = [
            ("AZURE_API_URL", "http://127.0.0.1:11434/v1/chat/completions"),
            ("API_KEY", "key"),
            ("REDIS_URL", "redis://localhost:6379"),
            ("MONGODB_URI", "mongodb://[::1]:27017,localhost/chat"),
        ];

        assert_eq!(warned(&encrypted), [""; 0]);
        assert_eq!(warned(&local), [""; 0]);
    }
}
