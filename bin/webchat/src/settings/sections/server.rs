//! The server and its network.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use ipnet::IpNet;
use secrecy::SecretString;
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use url::Url;
use webchat_transport::{AllowedOrigin, BasePath};

use super::super::declaration::section;
use super::super::kind::{Kind, Visibility, http_url, parses_as};

const IP_ADDRESS: Kind = Kind::text("an IP address", parses_as::<IpAddr>);
/// The path of this URL becomes part of routes, cookies and HTML.
const PUBLIC_URL: Kind = Kind::Text {
    expected: "a URL such as https://chat.example.org or https://example.org/chat/, without a query, whose path has \
         only letters, digits, and the characters - _ . ~",
    is_valid: |text| public_url(text).is_some(),
    visibility: Visibility::UrlUnlessCredentials,
};
const ORIGINS: Kind = Kind::List {
    items: "origins",
    example: "https://chat.example.org,capacitor://localhost",
    is_valid: parses_as::<AllowedOrigin>,
};
pub(super) const NETWORKS: Kind = Kind::List {
    items: "addresses or networks",
    example: "127.0.0.1,10.0.0.0/8",
    is_valid: |text| network(text).is_some(),
};

const METRICS_TOKEN: Kind = Kind::secret("at least 16 characters without spaces", |text| {
    text.len() >= 16 && text.bytes().all(|byte| byte.is_ascii_graphic())
});
const METRICS_ADDR: Kind =
    Kind::text("an address and a port such as 127.0.0.1:9464", parses_as::<SocketAddr>);

section! {
    ServerSettings: [server], "Server" {
        /// development or production. production refuses insecure settings: it requires a SECRET_KEY.
        APP_ENV => app_env: AppEnv = "development", Kind::Choice(&["development", "production"]);

        /// The address and port to listen on. 127.0.0.1 accepts connections from this machine only. 0.0.0.0 accepts
        /// them from everywhere: put a proxy with TLS in front. Port 0 means any free port.
        HOST => host: IpAddr = "127.0.0.1", IP_ADDRESS;
        PORT => port: u16 = "8080", Kind::integer("", 0, 65_535);

        /// The URL that users open, if its host is not an IP address or localhost. Requests to other host names are
        /// refused. With https, the session cookie is only sent over https. The URL may have a path, as in
        /// https://example.org/chat/; it does not matter whether a proxy removes this path from requests.
        #[serde(deserialize_with = "optional_url")]
        PUBLIC_URL => public_url: Option<Url>, PUBLIC_URL;

        /// Other origins whose pages and apps may use the server, separated by commas, for example
        /// https://chat.example.org,capacitor://localhost. The hosts of web origins are accepted as well. An app may
        /// have its own scheme; ws and wss count as http and https. Avoid null: it allows sandboxed frames of any site.
        #[serde(deserialize_with = "origins")]
        ALLOWED_ORIGINS => allowed_origins: Vec<AllowedOrigin>, ORIGINS;

        /// The addresses or networks of the proxies in front of the server, separated by commas, for example
        /// 127.0.0.1,10.0.0.0/8. Only their X-Forwarded-For (or, without it, Forwarded) determines the address of a
        /// client; a proxy must set or remove both. The log and the limits per address use it.
        #[serde(deserialize_with = "networks")]
        TRUSTED_PROXIES => trusted_proxies: Vec<IpNet>, NETWORKS;

        /// Grace period for running answers at shutdown, in seconds.
        SHUTDOWN_GRACE_S => shutdown_grace_s: u64 = "30", Kind::integer("seconds", 0, u32::MAX);

        /// Whether `GET /metrics` returns metrics for Prometheus. They contain no message texts and no names. Unless
        /// METRICS_TOKEN or METRICS_ADDR is set, every client can read them.
        METRICS => metrics: bool = "off", Kind::Switch;

        /// The bearer token that requests for the metrics must send: at least 16 characters.
        METRICS_TOKEN => metrics_token: Option<SecretString>, METRICS_TOKEN;

        /// The address and port that serve `GET /metrics` instead of HOST and PORT, for example 127.0.0.1:9464.
        METRICS_ADDR => metrics_addr: Option<SocketAddr>, METRICS_ADDR;

        /// The directory of a built page, which is served instead of the page in the binary.
        WEB_DIR => web_dir: Option<PathBuf>, Kind::TEXT;
    }
}

/// The environment, which determines whether insecure settings are accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AppEnv {
    /// Insecure settings are accepted.
    Development,
    /// Insecure settings prevent the start.
    Production,
}

impl ServerSettings {
    /// Returns the address to listen on. Port 0 means any free port.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        SocketAddr::new(self.host, self.port)
    }
}

fn public_url(text: &str) -> Option<Url> {
    http_url(text).filter(|url| BasePath::of(url).is_some())
}

/// Parses an IP address, or a network in CIDR notation.
fn network(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| text.parse::<IpAddr>().map(IpNet::from).ok())
}

fn optional_url<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Url>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    text.map(|text| http_url(&text).ok_or_else(|| Error::custom("not an http(s) URL"))).transpose()
}

fn origins<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<AllowedOrigin>, D::Error> {
    list(deserializer, |text| text.parse().ok())
}

pub(super) fn networks<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<IpNet>, D::Error> {
    list(deserializer, network)
}

pub(super) fn texts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    list(deserializer, |text| Some(text.to_owned()))
}

fn list<'de, D: Deserializer<'de>, T>(
    deserializer: D,
    parse: fn(&str) -> Option<T>,
) -> Result<Vec<T>, D::Error> {
    let texts = Option::<Vec<String>>::deserialize(deserializer)?.unwrap_or_default();
    let items = texts.iter().map(|text| parse(text)).collect::<Option<_>>();
    items.ok_or_else(|| Error::custom("an invalid item"))
}
