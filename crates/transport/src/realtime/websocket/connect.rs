//! Opens a WebSocket, and runs it until one side closes it.

use std::pin::pin;

use actix_web::web::{self, Data};
use actix_web::{HttpRequest, HttpResponse};
use actix_ws::{CloseCode, CloseReason, Session as Socket};
use tokio::sync::mpsc;
use tokio::time::timeout;
use webchat_chat::{CallerPermit, Chat};

use super::close::close_reason;
use super::frame_validator::validate_frames;
use super::reader::Reader;
use super::writer::write;
use crate::extract::session::VisitorSession;
use crate::realtime::client::Client;
use crate::realtime::connections::Connections;
use crate::realtime::events::outgoing::OutgoingEvent;
use crate::realtime::session_end::{SESSION_ENDED, session_ended};

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
    let session_id = visitor.session.session_id;
    let permit = connections.acquire(visitor.caller())?;
    let (sender, outbox) = mpsc::channel(OUTBOX_CAPACITY);
    let connections = Connections::clone(&connections);
    let client = Client::new(Chat::clone(&chat), visitor, sender, connections.clone());
    let reader = Reader::new(stream, violation, limits);
    let tasks = connections.tasks.clone();
    let server_end = async move {
        tokio::select! {
            () = session_ended(Chat::clone(&chat), session_id, limits.idle_timeout) => {
                Some(close_reason(CloseCode::Policy, SESSION_ENDED))
            }
            () = connections.closing.cancelled() => None,
        }
    };
    tasks.spawn_local(run(socket, reader, client, outbox, permit, server_end));
    Ok(response)
}

/// Runs the connection until one side closes it. `server_end` completes when the server closes it: without a
/// reason if it restarts.
async fn run(
    socket: Socket,
    reader: Reader,
    mut client: Client<OutgoingEvent>,
    outbox: mpsc::Receiver<OutgoingEvent>,
    _permit: CallerPermit,
    server_end: impl Future<Output = Option<CloseReason>>,
) {
    let limits = reader.limits;
    let mut writer = pin!(write(socket.clone(), outbox, limits));
    let end = tokio::select! {
        reason = reader.run(socket.clone(), &mut client) => Some(reason),
        reason = &mut writer => Some(reason),
        reason = server_end => reason.map(Some),
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
