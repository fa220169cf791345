//! The client of a request, for the audit log.

use actix_web::{HttpMessage, HttpRequest};
use tracing_actix_web::RequestId;
use webchat_domain::Actor;

use super::client_address::ClientAddress;

/// Returns the client of a request, whose user is not known.
pub(crate) fn client(request: &HttpRequest) -> Actor {
    let request_id = request.extensions().get::<RequestId>().map(ToString::to_string);
    Actor {
        address: Some(ClientAddress::of(request).0),
        request_id: request_id.and_then(|id| id.parse().ok()),
        ..Actor::ANONYMOUS
    }
}
