use actix_web::http::Method;
use actix_web::http::header::{CACHE_CONTROL, CacheControl, CacheDirective, ContentType};
use actix_web::web::Payload;
use actix_web::{FromRequest, HttpRequest, HttpResponse};
use engineioxide_core::{Packet, ProtocolVersion, Str};
use webchat_chat::Chat;

use super::close_reason::End;
use super::engine_io_error::Refusal;
use super::engine_io_session::{Carrier, Session};
use super::outbox::{MAX_PAYLOAD, split};
use super::session_task as life;
use crate::error::api_error::ApiError;
use crate::extract::session as caller;
use crate::extract::session::Caller;
use crate::realtime::connections::Connections;

/// Opens a session that polls.
pub(super) async fn open(
    request: &HttpRequest,
    chat: &Chat,
    connections: &Connections,
) -> Result<HttpResponse, actix_web::Error> {
    let caller = Caller::extract(request).await?;
    caller::extend(request, chat, &caller.0).await?;
    let session = life::start(chat, caller.0, connections, Carrier::Polling)?;
    Ok(answer(session.open_packet()))
}

/// A request of a session.
pub(super) async fn carry(
    method: &Method,
    payload: Payload,
    session: &Session,
) -> Result<HttpResponse, ApiError> {
    match *method {
        Method::GET => Ok(answer(poll(session).await?)),
        Method::POST => {
            take(session, payload).await?;
            Ok(answer("ok"))
        }
        _ => Err(Refusal::BadRequest.into()),
    }
}

/// Waits until there is something to tell.
async fn poll(session: &Session) -> Result<String, Refusal> {
    let mut outbox = session.outbox_for_poll()?;
    tokio::select! {
        biased;
        payload = outbox.payload() => {
            // With nothing more to come, either the session has ended or the server goes away.
            Ok(payload.unwrap_or_else(|| last_word(session.end(End::Restart)).into()))
        }
        () = session.leaves_polling() => Ok(Packet::Noop.into()),
        end = session.ended() => Ok(last_word(end).into()),
    }
}

/// A client that closes the session itself waits for its poll to end, and for nothing else.
fn last_word(end: End) -> Packet {
    if end == End::Left { Packet::Noop } else { Packet::Close }
}

/// Takes what the client posts.
async fn take(session: &Session, payload: Payload) -> Result<(), ApiError> {
    let inbox = session.inbox_for_post()?;
    let posted = payload.to_bytes_limited(MAX_PAYLOAD).await.map_err(|_| {
        session.end(End::TooLarge);
        ApiError::PayloadTooLarge
    })?;
    let malformed = || {
        session.end(End::Broken);
        Refusal::BadRequest
    };
    let posted = posted.map_err(|_| malformed())?;
    let packets = str::from_utf8(&posted).map_err(|_| malformed())?;
    for packet in split(packets) {
        let packet = Str::copy_from_slice(packet);
        let packet = Packet::parse(ProtocolVersion::V4, packet).map_err(|_| malformed())?;
        session.hear(packet, &inbox).await?;
    }
    Ok(())
}

fn answer(body: impl Into<String>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(ContentType::plaintext())
        .insert_header((CACHE_CONTROL, CacheControl(vec![CacheDirective::NoStore])))
        .body(body.into())
}
