//! Protects against CSRF: rejects requests from pages of other origins, as browsers send the user's cookie
//! with them.

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{CONTENT_ENCODING, HOST, ORIGIN, UPGRADE};
use actix_web::middleware::Next;
use actix_web::web;
use url::{Origin, Url};

use crate::error::api_error::ApiError;
use crate::realtime::socket_io::engine_io_error::EngineIoError;
use crate::settings::Settings;

/// The endpoint of Socket.IO. The origin of its GET requests is checked too, as a GET opens a session.
pub(crate) const SOCKET_IO_PATH: &str = "/socket.io/";

/// The origins whose pages may use the server, besides its own host.
pub(crate) struct Origins(Vec<Origin>);

impl Origins {
    pub(crate) fn new(settings: &Settings) -> Self {
        let urls = settings.public_url.iter().chain(&settings.allowed_origins);
        Self(urls.map(Url::origin).collect())
    }

    /// Whether a page of `origin` may use the server that the client addressed as `host`.
    fn allow(&self, origin: &str, host: Option<&str>) -> bool {
        let Ok(url) = Url::parse(origin) else {
            return false;
        };
        // Browsers only send origins in their canonical form.
        if !matches!(url.scheme(), "http" | "https") || url.origin().ascii_serialization() != origin
        {
            return false;
        }
        let own = host.and_then(|host| Url::parse(&format!("{}://{host}", url.scheme())).ok());
        own.is_some_and(|own| own.origin() == url.origin()) || self.0.contains(&url.origin())
    }
}

/// Rejects requests from pages of other origins, and compressed bodies.
pub(crate) async fn check_origin(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    if needs_allowed_origin(&request) && !has_allowed_origin(&request) {
        let error = origin_error(&request);
        return Ok(request.error_response(error));
    }
    if request.headers().contains_key(CONTENT_ENCODING) {
        return Ok(request.error_response(ApiError::UnsupportedMediaType));
    }
    Ok(next.call(request).await?.map_into_boxed_body())
}

/// Whether the request changes something, or belongs to a live connection, whose events can.
fn needs_allowed_origin(request: &ServiceRequest) -> bool {
    !request.method().is_safe() || request.headers().contains_key(UPGRADE) || is_socket_io(request)
}

/// Compares the path as the router matches it, relative to where the services are mounted: the raw path may
/// be percent-encoded differently.
fn is_socket_io(request: &ServiceRequest) -> bool {
    request.match_info().unprocessed() == SOCKET_IO_PATH
}

fn origin_error(request: &ServiceRequest) -> ApiError {
    if is_socket_io(request) { EngineIoError::Forbidden.into() } else { ApiError::OriginNotAllowed }
}

/// Whether the request comes from a page of an allowed origin, or from no page at all.
pub(crate) fn has_allowed_origin(request: &ServiceRequest) -> bool {
    let mut origins = request.headers().get_all(ORIGIN);
    let (origin, second) = (origins.next(), origins.next());
    let Some(origin) = origin else { return true };
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok());
    let allowed = request.app_data::<web::Data<Origins>>();
    match (origin.to_str(), second, allowed) {
        (Ok(origin), None, Some(allowed)) => allowed.allow(origin, host),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origins(allowed: &[&str]) -> Origins {
        Origins(allowed.iter().map(|url| Url::parse(url).unwrap().origin()).collect())
    }

    #[test]
    fn pages_of_the_servers_own_host_are_allowed() {
        let none_configured = origins(&[]);

        assert!(none_configured.allow("http://localhost:8080", Some("localhost:8080")));
        assert!(none_configured.allow("https://chat.example", Some("chat.example")));
        assert!(none_configured.allow("https://chat.example", Some("chat.example:443")));
        assert!(none_configured.allow("http://[::1]:8080", Some("[::1]:8080")));
    }

    #[test]
    fn pages_of_a_configured_origin_are_allowed() {
        let allowed = origins(&["https://chat.example/app/"]);

        assert!(allowed.allow("https://chat.example", Some("10.0.0.7:8080")));
        assert!(!allowed.allow("http://chat.example", Some("10.0.0.7:8080")));
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
            "https://chat.example/",
            "HTTPS://CHAT.EXAMPLE",
            "ftp://chat.example",
            "file://",
            "chat.example",
            "https://chat.example https://evil.example",
            "http://localhost:3000",
        ] {
            assert!(!allowed.allow(origin, Some("localhost:8080")), "{origin}");
        }
    }

    #[test]
    fn without_a_host_header_no_page_is_allowed() {
        assert!(!origins(&[]).allow("http://localhost:8080", None));
    }
}
