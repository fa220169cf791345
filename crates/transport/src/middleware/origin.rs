//! Pages of other origins must not act for the user, though the browser would send its cookie along.
//! Those of allowed ones may, and may read the answers.

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, CONTENT_ENCODING, HOST,
    HeaderMap, HeaderValue, ORIGIN, UPGRADE, VARY,
};
use actix_web::middleware::Next;
use actix_web::{HttpResponse, web};
use url::{Origin, Url};

use crate::error::api_error::ApiError;
use crate::realtime::socket_io::engine_io_error::Refusal;
use crate::realtime::socket_io::handler as socket_io;
use crate::server::Settings;

/// What a page of an allowed origin may send.
const METHODS: HeaderValue = HeaderValue::from_static("GET, POST, PUT, PATCH, DELETE");

/// What a page of an allowed origin may read of an answer, beside its body.
const EXPOSED: HeaderValue = HeaderValue::from_static("etag, retry-after, x-request-id");

/// Seconds for which a browser need not ask again what it may send.
const PREFLIGHT_MAX_AGE: HeaderValue = HeaderValue::from_static("600");

/// The origins whose pages may use the server, besides its own host.
pub(crate) struct Origins(Vec<Origin>);

impl Origins {
    pub(crate) fn new(settings: &Settings) -> Self {
        let urls = settings.public_url.iter().chain(&settings.allowed_origins);
        Self(urls.map(Url::origin).collect())
    }

    /// Whether a page of `origin` may use the server that is called `host`.
    fn allow(&self, origin: &str, host: Option<&str>) -> bool {
        let Ok(url) = Url::parse(origin) else {
            return false;
        };
        // What is written otherwise than browsers write it is no browser's.
        if !matches!(url.scheme(), "http" | "https") || url.origin().ascii_serialization() != origin
        {
            return false;
        }
        let own = host.and_then(|host| Url::parse(&format!("{}://{host}", url.scheme())).ok());
        own.is_some_and(|own| own.origin() == url.origin()) || self.0.contains(&url.origin())
    }
}

/// Refuses what a page of another origin asks for, and bodies that are compressed.
pub(crate) async fn check(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    if acts(&request) && !comes_from_allowed_page(&request) {
        let refusal = refusal(&request);
        return Ok(request.error_response(refusal));
    }
    if request.headers().contains_key(CONTENT_ENCODING) {
        return Ok(request.error_response(ApiError::UnsupportedMediaType));
    }
    Ok(next.call(request).await?.map_into_boxed_body())
}

/// Lets pages of allowed origins read the answers, with the user's cookie, and asks for nothing of
/// the server where a browser only asks what it may send (CORS: <https://fetch.spec.whatwg.org>).
pub(crate) async fn share(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let origin = request.headers().get(ORIGIN).cloned();
    let Some(origin) = origin.filter(|_| comes_from_allowed_page(&request)) else {
        return Ok(next.call(request).await?.map_into_boxed_body());
    };
    let mut answer = if is_preflight(&request) {
        let permission = permission(request.headers());
        request.into_response(permission)
    } else {
        next.call(request).await?.map_into_boxed_body()
    };
    let headers = answer.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    headers.append(VARY, HeaderValue::from_static("origin"));
    Ok(answer)
}

fn is_preflight(request: &ServiceRequest) -> bool {
    request.method() == Method::OPTIONS
        && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

fn permission(asked: &HeaderMap) -> HttpResponse {
    let mut permission = HttpResponse::NoContent();
    permission.insert_header((ACCESS_CONTROL_ALLOW_METHODS, METHODS));
    permission.insert_header((ACCESS_CONTROL_MAX_AGE, PREFLIGHT_MAX_AGE));
    if let Some(headers) = asked.get(ACCESS_CONTROL_REQUEST_HEADERS) {
        permission.insert_header((ACCESS_CONTROL_ALLOW_HEADERS, headers.clone()));
    }
    permission.finish()
}

/// Whether the request changes something or belongs to a connection that can.
fn acts(request: &ServiceRequest) -> bool {
    !request.method().is_safe() || request.headers().contains_key(UPGRADE) || is_socket_io(request)
}

/// By the path that routes are found by, below that of all services: the one that was sent may be encoded
/// otherwise.
fn is_socket_io(request: &ServiceRequest) -> bool {
    request.match_info().unprocessed() == socket_io::PATH
}

fn refusal(request: &ServiceRequest) -> ApiError {
    if is_socket_io(request) { Refusal::Forbidden.into() } else { ApiError::OriginNotAllowed }
}

fn comes_from_allowed_page(request: &ServiceRequest) -> bool {
    let mut origins = request.headers().get_all(ORIGIN);
    let (origin, other) = (origins.next(), origins.next());
    let Some(origin) = origin else { return true };
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok());
    let allowed = request.app_data::<web::Data<Origins>>();
    match (origin.to_str(), other, allowed) {
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
    fn a_page_of_the_servers_own_host_may() {
        let none = origins(&[]);

        assert!(none.allow("http://localhost:8080", Some("localhost:8080")));
        assert!(none.allow("https://chat.example", Some("chat.example")));
        assert!(none.allow("https://chat.example", Some("chat.example:443")));
        assert!(none.allow("http://[::1]:8080", Some("[::1]:8080")));
    }

    #[test]
    fn a_page_of_an_allowed_origin_may() {
        let allowed = origins(&["https://chat.example/app/"]);

        assert!(allowed.allow("https://chat.example", Some("10.0.0.7:8080")));
        assert!(!allowed.allow("http://chat.example", Some("10.0.0.7:8080")));
    }

    #[test]
    fn other_pages_may_not() {
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
    fn a_page_may_not_when_the_server_is_not_told_its_host() {
        assert!(!origins(&[]).allow("http://localhost:8080", None));
    }
}
