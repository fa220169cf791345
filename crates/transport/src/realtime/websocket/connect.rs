//! Opens a WebSocket, and runs it until one side closes it.

use std::pin::pin;

use actix_web::web::{self, Data};
use actix_web::{HttpRequest, HttpResponse};
use actix_ws::{CloseCode, Session as Socket};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use webchat_chat::Chat;
use webchat_domain::Network;

use super::close::close_reason;
use super::frame_validator::validate_frames;
use super::reader::Reader;
use super::writer::write;
use crate::extract::session::VisitorSession;
use crate::realtime::client::Client;
use crate::realtime::connections::{ConnectionPermit, Connections};
use crate::realtime::events::outgoing::OutgoingEvent;

/// The maximum number of events queued for a slow client. It is small, as each event may be large.
const OUTBOX_CAPACITY: usize = 8;

/// Handles `GET /ws`.
pub(crate) async fn connect(
    request: HttpRequest,
    payload: web::Payload,
    visitor: VisitorSession,
    chat: Data<Chat>,
    connections: Data<Connections>,
) -> Result<HttpResponse, actix_web::Error> {
    let limits = connections.limits;
    let (payload, violation) = validate_frames(&request, payload, limits.frames()).await?;
    let (response, socket, stream) = actix_ws::handle(&request, payload)?;
    let permit = connections.acquire(visitor.session.user_id, Network::of(visitor.address))?;
    let (sender, outbox) = mpsc::channel(OUTBOX_CAPACITY);
    let connections = Connections::clone(&connections);
    let client = Client::new(Chat::clone(&chat), visitor, sender, connections.clone());
    let reader = Reader::new(stream, violation, limits);
    let tasks = connections.tasks.clone();
    tasks.spawn_local(run(socket, reader, client, outbox, permit, connections.closing));
    Ok(response)
}

async fn run(
    socket: Socket,
    reader: Reader,
    mut client: Client<OutgoingEvent>,
    outbox: mpsc::Receiver<OutgoingEvent>,
    _permit: ConnectionPermit,
    closing: CancellationToken,
) {
    let limits = reader.limits;
    let mut writer = pin!(write(socket.clone(), outbox, limits));
    let end = tokio::select! {
        reason = reader.run(socket.clone(), &mut client) => Some(reason),
        reason = &mut writer => Some(reason),
        () = closing.cancelled() => None,
    };
    let reason = if let Some(reason) = end {
        reason
    } else {
        tokio::join!(client.finish(), writer);
        Some(close_reason(CloseCode::Restart, "the server restarts: connect again"))
    };
    // If the client does not receive the close frame, the system's send timeout drops the connection.
    let _ = timeout(limits.send_timeout / 2, socket.close(reason)).await;
}
