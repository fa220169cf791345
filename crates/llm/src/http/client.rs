//! The HTTP client of a model: TLS, proxy and connection settings.

use reqwest::{Client, NoProxy, Proxy, redirect};
use url::{Host, Url};

use super::tls::client_config;
use crate::{HttpSettings, ProxySettings, SetupError};

/// Creates a client with its own connection pool, whose TLS is that of all clients: with the root certificates of the
/// system.
///
/// # Errors
///
/// When the settings can't work.
pub fn http_client(settings: &HttpSettings) -> Result<Client, SetupError> {
    let tls = client_config(&settings.url).map_err(|error| SetupError::Tls(error.into()))?;
    let mut builder = Client::builder()
        .user_agent(concat!("webchat/", env!("CARGO_PKG_VERSION")))
        .tls_backend_preconfigured(tls)
        .connect_timeout(settings.timeouts.connect)
        .redirect(redirect::Policy::none())
        .tcp_nodelay(true)
        // Ignore the environment's proxies: only the operator knows whether they apply to the model.
        .no_proxy();
    if let Some(proxy_settings) = &settings.proxy
        && !is_loopback(&settings.url)
    {
        builder = builder.proxy(proxy(proxy_settings)?);
    }
    builder.build().map_err(|error| SetupError::Tls(error.into()))
}

/// Returns the proxy. Rejects unknown schemes, which `reqwest` would ignore silently.
fn proxy(settings: &ProxySettings) -> Result<Proxy, SetupError> {
    const SCHEMES: [&str; 6] = ["http", "https", "socks4", "socks4a", "socks5", "socks5h"];
    if !SCHEMES.contains(&settings.url.scheme()) {
        return Err(SetupError::Proxy);
    }
    let proxy = Proxy::all(settings.url.as_str()).map_err(|_| SetupError::Proxy)?;
    Ok(proxy.no_proxy(NoProxy::from_string(&settings.except)))
}

/// Returns whether the model runs on this machine. Requests to it bypass the proxy.
fn is_loopback(url: &Url) -> bool {
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
    fn all_names_of_this_machine_are_loopback() {
        for (url, expected) in [
            ("http://127.0.0.1:8080/", true),
            ("http://[::1]/", true),
            ("http://localhost/", true),
            ("http://localhost.example/", false),
            ("http://10.0.0.1/", false),
        ] {
            assert_eq!(is_loopback(&url.parse().unwrap()), expected, "{url}");
        }
    }
}
