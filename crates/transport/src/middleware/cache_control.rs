//! Prevents caches from storing a user's data.

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{CACHE_CONTROL, HeaderValue, SET_COOKIE};
use actix_web::middleware::Next;

const PRIVATE: HeaderValue = HeaderValue::from_static("private, no-store");

/// Forbids caches to store responses that set a cookie, and responses whose route does not set `Cache-Control`.
/// Caches may store only files that are the same for all users.
pub(crate) async fn forbid_caching(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let mut response = next.call(request).await?.map_into_boxed_body();
    let headers = response.headers_mut();
    if headers.contains_key(SET_COOKIE) || !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, PRIVATE);
    }
    Ok(response)
}
