use std::sync::Arc;

use actix_web::http::Method;
use actix_web::http::header::UPGRADE;
use actix_web::web::{Data, Payload, Query};
use actix_web::{FromRequest, HttpRequest, HttpResponse};
use serde::Deserialize;
use webchat_chat::Chat;

use super::engine_io_error::Refusal;
use super::engine_io_session::Session;
use super::{polling, websocket};
use crate::error::api_error::ApiError;
use crate::extract::session::Reader;
use crate::realtime::connections::Connections;

/// Where clients expect it.
pub(crate) const PATH: &str = "/socket.io/";

/// The revision of Engine.IO that is spoken here.
const REVISION: &str = "4";

#[derive(Deserialize)]
pub(crate) struct Params {
    #[serde(rename = "EIO")]
    revision: Option<String>,
    transport: Option<String>,
    sid: Option<String>,
}

#[derive(Clone, Copy)]
enum Transport {
    Polling,
    WebSocket,
}

/// Every request of every client: opens a session, or carries one on.
pub(crate) async fn serve(
    request: HttpRequest,
    payload: Payload,
    params: Result<Query<Params>, actix_web::Error>,
    chat: Data<Chat>,
    connections: Data<Connections>,
) -> Result<HttpResponse, actix_web::Error> {
    let params = params.map_err(|_| ApiError::from(Refusal::BadRequest))?;
    let transport = params.transport()?;
    let session = match &params.sid {
        Some(sid) => Some(find(&request, sid, &connections).await?),
        None => None,
    };
    if session.is_none() && request.method() != Method::GET {
        return Err(ApiError::from(Refusal::BadHandshakeMethod).into());
    }
    let is_upgrade = request.headers().contains_key(UPGRADE);
    match (transport, is_upgrade, session) {
        (Transport::Polling, false, None) => polling::open(&request, &chat, &connections).await,
        (Transport::Polling, false, Some(session)) => {
            Ok(polling::carry(request.method(), payload, &session).await?)
        }
        (Transport::WebSocket, true, None) => {
            websocket::open(&request, payload, &chat, &connections).await
        }
        (Transport::WebSocket, true, Some(session)) => {
            websocket::upgrade(&request, payload, session, &connections).await
        }
        _ => Err(ApiError::from(Refusal::BadRequest).into()),
    }
}

impl Params {
    fn transport(&self) -> Result<Transport, ApiError> {
        let transport = match self.transport.as_deref() {
            Some("polling") => Transport::Polling,
            Some("websocket") => Transport::WebSocket,
            _ => return Err(Refusal::UnknownTransport.into()),
        };
        if self.revision.as_deref() != Some(REVISION) {
            return Err(Refusal::UnsupportedProtocolVersion.into());
        }
        Ok(transport)
    }
}

/// The session that is asked for, if the browser that opened it asks: to know its id is not enough.
async fn find(
    request: &HttpRequest,
    sid: &str,
    connections: &Connections,
) -> Result<Arc<Session>, ApiError> {
    let session = connections.socket_io.find(sid).ok_or(Refusal::UnknownSid)?;
    let browser = Reader::extract(request).await?.session.ok_or(Refusal::UnknownSid)?;
    if !session.belongs_to(&browser) {
        return Err(Refusal::UnknownSid.into());
    }
    Ok(session)
}
