//! The Socket.IO endpoint: opens Engine.IO sessions, and dispatches the requests of open sessions.

use std::sync::Arc;

use actix_web::http::Method;
use actix_web::http::header::{HeaderMap, UPGRADE};
use actix_web::web::{Data, Payload, Query};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;
use webchat_chat::Chat;

use super::engine_io_error::EngineIoError;
use super::engine_io_session::EngineIoSession;
use super::{polling, websocket};
use crate::error::api_error::ApiError;
use crate::extract::session::cookie;
use crate::realtime::connections::Connections;

/// The supported revision of Engine.IO.
const REVISION: &str = "4";

#[derive(Deserialize)]
pub(crate) struct Params {
    #[serde(rename = "EIO")]
    revision: Option<String>,
    transport: Option<String>,
    sid: Option<String>,
    /// The number of the callback of a client that polls with JSONP.
    #[serde(rename = "j")]
    jsonp_callback: Option<String>,
}

#[derive(Clone, Copy)]
enum Transport {
    Polling,
    WebSocket,
}

/// Handles all requests to the endpoint.
pub(crate) async fn serve(
    request: HttpRequest,
    payload: Payload,
    params: Result<Query<Params>, actix_web::Error>,
    chat: Data<Chat>,
    connections: Data<Connections>,
) -> Result<HttpResponse, actix_web::Error> {
    let params = params.map_err(|_| ApiError::from(EngineIoError::BadRequest))?;
    let transport = params.transport()?;
    let session = match &params.sid {
        Some(sid) => Some(find(&request, sid, &connections)?),
        None => None,
    };
    if session.is_none() && request.method() != Method::GET {
        return Err(ApiError::from(EngineIoError::BadHandshakeMethod).into());
    }
    let is_upgrade = is_websocket_upgrade(request.headers());
    match (transport, is_upgrade, session) {
        (Transport::Polling, false, None) => polling::open(&request, &chat, &connections).await,
        (Transport::Polling, false, Some(session)) => {
            Ok(polling::serve(request.method(), payload, &session).await?)
        }
        (Transport::WebSocket, true, None) => {
            websocket::open(&request, payload, &chat, &connections).await
        }
        (Transport::WebSocket, true, Some(session)) => {
            websocket::upgrade(&request, payload, session, &connections).await
        }
        _ => Err(ApiError::from(EngineIoError::BadRequest).into()),
    }
}

impl Params {
    fn transport(&self) -> Result<Transport, ApiError> {
        let transport = match self.transport.as_deref() {
            Some("polling") if self.jsonp_callback.is_none() => Transport::Polling,
            Some("websocket") => Transport::WebSocket,
            _ => return Err(EngineIoError::UnknownTransport.into()),
        };
        if self.revision.as_deref() != Some(REVISION) {
            return Err(EngineIoError::UnsupportedProtocolVersion.into());
        }
        Ok(transport)
    }
}

/// Returns whether the client asks for a WebSocket. Java's HTTP client asks for HTTP/2 with each of its requests.
fn is_websocket_upgrade(headers: &HeaderMap) -> bool {
    let values = headers.get_all(UPGRADE).filter_map(|value| value.to_str().ok());
    let mut protocols = values.flat_map(|value| value.split(','));
    protocols.any(|protocol| protocol.trim().eq_ignore_ascii_case("websocket"))
}

/// Finds the session with this id. Only the browser that opened the session may use it.
fn find(
    request: &HttpRequest,
    sid: &str,
    connections: &Connections,
) -> Result<Arc<EngineIoSession>, ApiError> {
    let session = connections.engine_io_sessions.find(sid).ok_or(EngineIoError::UnknownSid)?;
    let browser_session_id = cookie::session_id(request).ok_or(EngineIoError::UnknownSid)?;
    if !session.belongs_to(browser_session_id) {
        return Err(EngineIoError::UnknownSid.into());
    }
    Ok(session)
}
