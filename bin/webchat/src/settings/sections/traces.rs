//! The export of traces.

#[cfg(feature = "otlp")]
use secrecy::ExposeSecret;
use secrecy::SecretString;

use super::super::declaration::section;
use super::super::kind::Kind;
use super::RedactedUrl;

const ENDPOINT: Kind = Kind::url("a URL such as http://127.0.0.1:4318");
const HEADERS: Kind = Kind::secret("names and values such as api-key=SECRET,tenant=1", |text| {
    text.split(',').all(|header| parse_header(header).is_some())
});

section! {
    TraceSettings: [traces], "Traces" {
        /// The URL to export traces to: an OpenTelemetry collector, or another OTLP endpoint over HTTP with protobuf,
        /// usually on port 4318. /v1/traces is appended to it. Traces contain durations, routes, status and error
        /// codes, ids of requests, conversations, turns and file jobs, the names and host of models, finish reasons and
        /// token counts, but no texts, titles or users. If unset, no traces are recorded.
        OTEL_EXPORTER_OTLP_ENDPOINT => endpoint: Option<RedactedUrl>, ENDPOINT;

        /// The headers of requests to this URL, for example with an API key: name=value, separated by commas. Special
        /// characters in values are percent-encoded.
        OTEL_EXPORTER_OTLP_HEADERS => headers: Option<SecretString>, HEADERS;

        /// The fraction of traces to export, from 0 to 1. Traces that a request's traceparent header marks as not
        /// sampled are never exported.
        OTEL_TRACES_SAMPLER_ARG => sample_ratio: f64 = "1", Kind::Number { min: 0.0, max: 1.0 };

        /// The name of this service in traces.
        OTEL_SERVICE_NAME => service_name: String = "webchat", Kind::TEXT;
    }
}

impl TraceSettings {
    /// Returns the decoded headers.
    #[cfg(feature = "otlp")]
    pub(crate) fn headers(&self) -> impl Iterator<Item = (String, String)> {
        let text = self.headers.as_ref().map_or("", |headers| headers.expose_secret());
        text.split(',').filter_map(parse_header)
    }
}

/// Parses `name=value`. The value is percent-encoded; a plus sign is itself.
fn parse_header(text: &str) -> Option<(String, String)> {
    let (name, value) = text.split_once('=')?;
    let (name, value) = (name.trim(), value.trim().replace('+', "%2B"));
    let is_name_char = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if name.is_empty() || !name.chars().all(is_name_char) {
        return None;
    }
    // A query's parser also decodes percent-encoding; other characters with a meaning in queries are escaped above and
    // here.
    let pair = format!("value={}", value.replace('&', "%26"));
    let (_, decoded) = url::form_urlencoded::parse(pair.as_bytes()).next()?;
    let is_valid = decoded.chars().all(|c| matches!(c, ' '..='~'));
    is_valid.then(|| (name.to_owned(), decoded.into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_encoded_headers_are_decoded() {
        for (text, expected) in [
            ("api-key=a b", Some(("api-key", "a b"))),
            (" Authorization = Basic%20YQ==", Some(("Authorization", "Basic YQ=="))),
            ("key=a+b&c", Some(("key", "a+b&c"))),
            ("key=", Some(("key", ""))),
            ("key", None),
            ("a key=1", None),
            ("key=%0A", None),
            ("key=%C3%BC", None),
        ] {
            let parsed = parse_header(text);

            let parsed = parsed.as_ref().map(|(name, value)| (name.as_str(), value.as_str()));
            assert_eq!(parsed, expected, "{text}");
        }
    }
}
