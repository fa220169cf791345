//! HTTP long polling, a transport of Engine.IO.

use actix_web::http::Method;
use actix_web::http::header::{CACHE_CONTROL, CacheControl, CacheDirective, ContentType};
use actix_web::web::Payload;
use actix_web::{FromRequest, HttpRequest, HttpResponse};
use engineioxide_core::{Packet, ProtocolVersion, Str};
use webchat_chat::Chat;

use super::engine_io_error::EngineIoError;
use super::engine_io_session::{EngineIoSession, TransportState};
use super::outbox::{MAX_PAYLOAD, split_payload};
use super::session_task;
use crate::error::api_error::ApiError;
use crate::extract::session::BrowserSession;
use crate::realtime::close_reason::CloseReason;
use crate::realtime::connections::Connections;
use crate::realtime::unfinished_message::UnfinishedMessage;

/// Opens an Engine.IO session with the polling transport. The response contains the open packet.
pub(super) async fn open(
    request: &HttpRequest,
    chat: &Chat,
    connections: &Connections,
) -> Result<HttpResponse, actix_web::Error> {
    let browser = BrowserSession::extract(request).await?;
    let (transport, unfinished) = (TransportState::Polling, UnfinishedMessage::new(request));
    let session = session_task::start(chat, browser, connections, transport, unfinished)?;
    Ok(respond(session.open_packet()))
}

/// Handles a request of an open Engine.IO session: a GET polls, a POST sends packets.
///
/// # Errors
/// [`EngineIoError::BadRequest`] for other methods, and the errors of the poll or POST.
pub(super) async fn serve(
    method: &Method,
    payload: Payload,
    session: &EngineIoSession,
) -> Result<HttpResponse, ApiError> {
    match *method {
        Method::GET => Ok(respond(poll(session).await?)),
        Method::POST => {
            receive(session, payload).await?;
            Ok(respond("ok"))
        }
        _ => Err(EngineIoError::BadRequest.into()),
    }
}

/// Waits until there are packets for the client, or until the Engine.IO session ends or is upgraded.
async fn poll(session: &EngineIoSession) -> Result<String, EngineIoError> {
    let mut outbox = session.outbox_for_poll()?;
    tokio::select! {
        biased;
        payload = outbox.next_payload() => {
            // The outbox is closed: the Engine.IO session has ended, or the server is shutting down.
            let closed = || last_packet(session.end(CloseReason::ServerRestart)).into();
            Ok(payload.unwrap_or_else(closed))
        }
        () = session.wait_until_probed() => Ok(Packet::Noop.into()),
        reason = session.ended() => Ok(last_packet(reason).into()),
    }
}

/// Returns the last packet of an Engine.IO session. A client that has closed it only needs a response to its poll.
fn last_packet(reason: CloseReason) -> Packet {
    if reason == CloseReason::ClientClosed { Packet::Noop } else { Packet::Close }
}

/// Handles the packets in the body of a POST. A malformed or too large body ends the Engine.IO session.
async fn receive(session: &EngineIoSession, payload: Payload) -> Result<(), ApiError> {
    let inbox = session.inbox_for_post()?;
    let body = payload.to_bytes_limited(MAX_PAYLOAD).await.map_err(|_| {
        session.end(CloseReason::MessageTooLarge);
        ApiError::PayloadTooLarge
    })?;
    let malformed = || {
        session.end(CloseReason::ProtocolError);
        EngineIoError::BadRequest
    };
    let body = body.map_err(|_| malformed())?;
    // Like the reference implementation, replaces bytes that are not UTF-8, such as half a character.
    let packets = String::from_utf8_lossy(&body);
    for packet in split_payload(&packets) {
        let packet = Str::copy_from_slice(packet);
        let packet = Packet::parse(ProtocolVersion::V4, packet).map_err(|_| malformed())?;
        session.receive(packet, &inbox).await?;
    }
    Ok(())
}

fn respond(body: impl Into<String>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(ContentType::plaintext())
        .insert_header((CACHE_CONTROL, CacheControl(vec![CacheDirective::NoStore])))
        .body(body.into())
}
