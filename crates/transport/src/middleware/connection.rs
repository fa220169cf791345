//! Closes connections that can't be used after a response.

use actix_web::body::{BodySize, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::{ConnectionType, StatusCode, Version};
use actix_web::middleware::Next;

/// Closes the connection after a stream for a client with HTTP/1.0, which has no chunks (RFC 9112, section 6.1), and
/// after a request to upgrade the connection that is not fulfilled, because actix would close it without a notice.
/// Java's HTTP client asks for HTTP/2 with each request.
pub(crate) async fn close_connection<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, actix_web::Error> {
    let mut response = next.call(request).await?;
    let request = response.request();
    let is_old = request.version() < Version::HTTP_11;
    let is_old_stream = is_old && response.response().body().size() == BodySize::Stream;
    let is_upgrade = request.head().upgrade();
    let head = response.response_mut().head_mut();
    if is_old_stream {
        head.no_chunking(true);
    }
    if is_old_stream || is_upgrade && head.status != StatusCode::SWITCHING_PROTOCOLS {
        head.set_connection_type(ConnectionType::Close);
    }
    Ok(response)
}
