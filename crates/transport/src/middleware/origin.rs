//! Protects against CSRF: rejects requests from pages of other origins, because browsers send the user's cookie
//! with them.

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{
    CONTENT_ENCODING, COOKIE, HOST, HeaderMap, HeaderName, HeaderValue, ORIGIN, UPGRADE,
};
use actix_web::middleware::Next;
use actix_web::web;
use url::{Host, Url};

use crate::allowed_origin::AllowedOrigin;
use crate::error::api_error::ApiError;
use crate::extract::credential::api_key::has_key;
use crate::realtime::socket_io::engine_io_error::EngineIoError;
use crate::settings::Settings;

/// The Socket.IO endpoint. The origin of its GET requests is checked too, because a GET opens a session.
pub(crate) const SOCKET_IO_PATH: &str = "/socket.io/";

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The host names by which clients may address the server, and the origins whose pages may use it.
pub(crate) struct Origins {
    origins: Vec<AllowedOrigin>,
    hosts: Vec<Host>,
}

impl Origins {
    pub(crate) fn new(settings: &Settings) -> Self {
        let public = settings.public_url.as_ref().and_then(AllowedOrigin::of);
        Self::of(public.into_iter().chain(settings.allowed_origins.iter().cloned()).collect())
    }

    fn of(origins: Vec<AllowedOrigin>) -> Self {
        let hosts = origins.iter().filter_map(|origin| origin.host().cloned()).collect();
        Self { origins, hosts }
    }

    /// Returns whether a client may address the server by this `Host`. An unknown name may belong to an attacker
    /// who resolves it to this server's address (DNS rebinding).
    fn knows_host(&self, host: &str) -> bool {
        let server = parse_host("http", host);
        server.and_then(|server| server.host().cloned()).is_some_and(|host| self.has_host(&host))
    }

    fn has_host(&self, host: &Host) -> bool {
        is_local(host) || self.hosts.contains(host)
    }

    /// Returns whether a page of `origin` may use the server that the client addressed as `host`.
    fn allows(&self, origin: &str, host: Option<&str>) -> bool {
        AllowedOrigin::from_header(origin)
            .is_some_and(|page| self.origins.contains(&page) || self.is_own(&page, host))
    }

    /// Returns whether the page was served by this server, at a host that is not configured. For a configured host,
    /// only the configured origins are allowed.
    fn is_own(&self, page: &AllowedOrigin, host: Option<&str>) -> bool {
        let server = page.web_scheme().and_then(|scheme| parse_host(scheme, host?));
        let is_known = page.host().is_some_and(|host| is_local(host) && !self.hosts.contains(host));
        is_known && server.as_ref() == Some(page)
    }
}

/// Parses the value of a `Host` header, which has no path, query or user.
fn parse_host(scheme: &str, host: &str) -> Option<AllowedOrigin> {
    let is_bare = !host.contains(['/', '\\', '?', '#', '@']);
    is_bare
        .then(|| Url::parse(&format!("{scheme}://{host}")).ok())
        .flatten()
        .as_ref()
        .and_then(AllowedOrigin::of)
}

/// Returns whether the host is safe from DNS rebinding: an IP address, or a name of this machine.
fn is_local(host: &Host) -> bool {
    match host {
        Host::Domain(name) => name == "localhost" || name.ends_with(".localhost"),
        Host::Ipv4(_) | Host::Ipv6(_) => true,
    }
}

/// Rejects requests to unknown hosts or from pages of other origins, and compressed bodies.
pub(crate) async fn check_origin(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    if !has_known_host(&request) {
        return Ok(request.error_response(ApiError::HostNotAllowed));
    }
    if needs_allowed_origin(&request) && !has_allowed_origin(&request) {
        let error = origin_error(&request);
        return Ok(request.error_response(error));
    }
    if has_compressed_body(request.headers()) {
        return Ok(request.error_response(ApiError::CompressedBody));
    }
    Ok(next.call(request).await?.map_into_boxed_body())
}

fn has_compressed_body(headers: &HeaderMap) -> bool {
    let is_identity = |encoding: &HeaderValue| {
        matches!(
            encoding.as_bytes().trim_ascii().to_ascii_lowercase().as_slice(),
            b"" | b"identity"
        )
    };
    !headers.get_all(CONTENT_ENCODING).all(is_identity)
}

/// Returns whether the request changes something, or opens a live connection, whose events can. Browsers don't add an
/// API key to requests by themselves, and a request with one doesn't use the cookie.
fn needs_allowed_origin(request: &ServiceRequest) -> bool {
    if has_key(request.headers()) {
        return false;
    }
    !request.method().is_safe() || request.headers().contains_key(UPGRADE) || is_socket_io(request)
}

/// Returns whether the request is for the Socket.IO endpoint. Compares the path that the router matches, relative
/// to the mount point, because the raw path may be percent-encoded differently.
fn is_socket_io(request: &ServiceRequest) -> bool {
    request.match_info().unprocessed() == SOCKET_IO_PATH
}

fn origin_error(request: &ServiceRequest) -> ApiError {
    if is_socket_io(request) { EngineIoError::Forbidden.into() } else { ApiError::OriginNotAllowed }
}

/// Returns whether the request comes from a page of an allowed origin, or not from a page.
pub(crate) fn has_allowed_origin(request: &ServiceRequest) -> bool {
    let mut origins = request.headers().get_all(ORIGIN);
    let Some(origin) = origins.next() else {
        return !(request.headers().contains_key(COOKIE) && is_cross_site(request.headers()));
    };
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok());
    let allowed = request.app_data::<web::Data<Origins>>();
    match (origin.to_str(), allowed) {
        (Ok(text), Some(allowed)) => {
            origins.all(|other| other == origin) && allowed.allows(text, host)
        }
        _ => false,
    }
}

/// Returns whether a page of another site sends the request. Some requests of such pages have no `Origin`.
pub(crate) fn is_cross_site(headers: &HeaderMap) -> bool {
    headers.get_all(SEC_FETCH_SITE).any(|site| site.as_bytes() == b"cross-site")
}

/// Returns whether the request names only known hosts. HTTP/1.0 requests may name none.
fn has_known_host(request: &ServiceRequest) -> bool {
    let Some(known) = request.app_data::<web::Data<Origins>>() else { return false };
    let in_target = request.uri().authority().map(|authority| Ok(authority.as_str()));
    let mut hosts = request.headers().get_all(HOST).map(HeaderValue::to_str).chain(in_target);
    hosts.all(|host| host.is_ok_and(|host| known.knows_host(host)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origins(allowed: &[&str]) -> Origins {
        Origins::of(allowed.iter().map(|origin| origin.parse().unwrap()).collect())
    }

    #[test]
    fn pages_of_the_servers_own_host_are_allowed() {
        let none_configured = origins(&[]);

        assert!(none_configured.allows("http://localhost:8080", Some("localhost:8080")));
        assert!(none_configured.allows("https://192.0.2.7", Some("192.0.2.7")));
        assert!(none_configured.allows("https://192.0.2.7", Some("192.0.2.7:443")));
        assert!(none_configured.allows("http://[::1]:8080", Some("[::1]:8080")));
        assert!(!none_configured.allows("https://chat.example", Some("chat.example")));
    }

    #[test]
    fn a_page_of_a_configured_host_must_have_the_configured_scheme() {
        for (public_url, page, host) in [
            ("https://chat.example", "http://chat.example", "chat.example"),
            ("https://192.0.2.7", "http://192.0.2.7", "192.0.2.7"),
            ("http://localhost:8080", "https://localhost:8080", "localhost:8080"),
        ] {
            assert!(!origins(&[public_url]).allows(page, Some(host)), "{page}");
        }
    }

    #[test]
    fn only_local_and_configured_hosts_are_known() {
        let known = origins(&["https://chat.example/app/", "http://b.example:81"]);

        for host in [
            "localhost",
            "localhost:8080",
            "a.localhost",
            "127.0.0.1:80",
            "[::1]:8080",
            "192.0.2.7",
            "CHAT.example",
            "chat.example:8443",
            "b.example",
            "chat.example.",
            "localhost.:8080",
        ] {
            assert!(known.knows_host(host), "{host}");
        }
        for host in [
            "",
            "evil.example",
            "localhost..",
            "chat.example.evil.example",
            "evil.example/localhost",
            "evil.example#localhost",
            "localhost@evil.example",
            "localhost.evil.example",
            "xlocalhost",
            "127.0.0.1.evil.example",
        ] {
            assert!(!known.knows_host(host), "{host}");
        }
    }

    #[test]
    fn pages_of_a_configured_origin_are_allowed() {
        let allowed = origins(&["https://chat.example/app/"]);

        assert!(allowed.allows("https://chat.example", Some("10.0.0.7:8080")));
        assert!(!allowed.allows("http://chat.example", Some("10.0.0.7:8080")));
    }

    #[test]
    fn pages_of_other_origins_are_rejected() {
        let allowed = origins(&["https://chat.example"]);

        for origin in [
            "null",
            "",
            "https://evil.example",
            "https://chat.example.evil.example",
            "https://evil.example#chat.example",
            "https://chat.example@evil.example",
            "https://chat.example:8443",
            "wss://evil.example",
            "ws://chat.example",
            "capacitor://localhost",
            "ftp://chat.example",
            "file://",
            "chat.example",
            "https://chat.example https://evil.example",
            "http://localhost:3000",
        ] {
            assert!(!allowed.allows(origin, Some("localhost:8080")), "{origin}");
        }
    }

    #[test]
    fn an_app_with_the_url_of_the_websocket_as_origin_is_allowed_like_a_page() {
        assert!(origins(&[]).allows("ws://localhost:8080", Some("localhost:8080")));
        assert!(origins(&[]).allows("wss://192.0.2.7", Some("192.0.2.7")));
        assert!(origins(&[]).allows("ws://[::1]:8080", Some("[::1]:8080")));
        assert!(origins(&["https://chat.example"]).allows("wss://chat.example", None));
    }

    #[test]
    fn an_app_with_its_own_scheme_is_allowed_only_by_its_exact_origin() {
        let allowed = origins(&["capacitor://localhost", "app://-"]);

        assert!(allowed.allows("capacitor://localhost", None) && allowed.allows("app://-", None));
        for origin in ["ionic://localhost", "capacitor://other", "app://other", "null", "file://"] {
            assert!(!allowed.allows(origin, Some("localhost")), "{origin}");
        }
        assert!(origins(&["null"]).allows("null", None));
    }

    #[test]
    fn without_a_host_header_no_page_is_allowed() {
        assert!(!origins(&[]).allows("http://localhost:8080", None));
    }
}
