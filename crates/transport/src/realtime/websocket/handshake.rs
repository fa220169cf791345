//! The handshake of a WebSocket: <https://www.rfc-editor.org/rfc/rfc6455#section-4.2>.

use actix_web::http::header::UPGRADE;
use actix_web::{HttpRequest, HttpResponse, web};
use actix_ws::{MessageStream, Session as Socket};

use crate::error::api_error::ApiError;

/// Accepts the handshake.
///
/// # Errors
/// When it is invalid, or the client offers another protocol, too: actix would respond with 101, but then ignore the
/// client's frames.
pub(crate) fn accept(
    request: &HttpRequest,
    payload: web::Payload,
) -> Result<(HttpResponse, Socket, MessageStream), actix_web::Error> {
    let protocols: Vec<_> = request
        .headers()
        .get_all(UPGRADE)
        .map(|value| value.to_str().unwrap_or_default().trim().to_ascii_lowercase())
        .collect();
    let offers_websocket = protocols.iter().any(|protocol| protocol.contains("websocket"));
    if offers_websocket && protocols.iter().any(|protocol| protocol != "websocket") {
        return Err(ApiError::UpgradeToOther.into());
    }
    actix_ws::handle(request, payload)
}
