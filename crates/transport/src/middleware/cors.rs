//! CORS (<https://fetch.spec.whatwg.org>): pages of allowed origins may read the responses.

use actix_web::HttpResponse;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, HeaderMap, HeaderValue, ORIGIN,
    VARY,
};
use actix_web::middleware::Next;

use super::origin::has_allowed_origin;

const ALLOWED_METHODS: HeaderValue = HeaderValue::from_static("GET, POST, PUT, PATCH, DELETE");

/// The response headers that a page may read.
const EXPOSED_HEADERS: HeaderValue =
    HeaderValue::from_static("etag, retry-after, x-conversation-id, x-request-id");

/// The time for which a browser may cache the result of a preflight request, in seconds.
const PREFLIGHT_MAX_AGE: HeaderValue = HeaderValue::from_static("600");

/// Allows pages of allowed origins to send the user's cookie and to read the responses. Responds to preflight
/// requests.
pub(crate) async fn cors(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let origin = request.headers().get(ORIGIN).cloned();
    let Some(origin) = origin.filter(|_| has_allowed_origin(&request)) else {
        return Ok(next.call(request).await?.map_into_boxed_body());
    };
    let mut response = if is_preflight(&request) {
        let response = preflight_response(request.headers());
        request.into_response(response)
    } else {
        next.call(request).await?.map_into_boxed_body()
    };
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED_HEADERS);
    headers.append(VARY, HeaderValue::from_static("origin"));
    Ok(response)
}

fn is_preflight(request: &ServiceRequest) -> bool {
    request.method() == Method::OPTIONS
        && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

fn preflight_response(request_headers: &HeaderMap) -> HttpResponse {
    let mut response = HttpResponse::NoContent();
    response.insert_header((ACCESS_CONTROL_ALLOW_METHODS, ALLOWED_METHODS));
    response.insert_header((ACCESS_CONTROL_MAX_AGE, PREFLIGHT_MAX_AGE));
    if let Some(headers) = request_headers.get(ACCESS_CONTROL_REQUEST_HEADERS) {
        response.insert_header((ACCESS_CONTROL_ALLOW_HEADERS, headers.clone()));
    }
    response.finish()
}
