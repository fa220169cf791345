//! Opens a WebSocket, and runs it until one side closes it.

use std::pin::pin;

use actix_web::web::{self, Data};
use actix_web::{HttpRequest, HttpResponse};
use actix_ws::Session as Socket;
use tokio::sync::mpsc;
use tokio::time::timeout;
use webchat_chat::Chat;

use super::close::Close;
use super::frame_validator::validate_frames;
use super::handshake::accept;
use super::reader::Reader;
use super::writer::write;
use crate::extract::session::BrowserSession;
use crate::metrics::{ConnectionKind, ConnectionPermit};
use crate::realtime::client::Client;
use crate::realtime::connections::Connections;
use crate::realtime::events::outgoing::OutgoingEvent;
use crate::realtime::session_end::session_ended;

/// The maximum number of events queued for a slow client. It is small, because each event may be large.
const OUTBOX_CAPACITY: usize = 8;

/// Handles `GET /ws`.
pub(crate) async fn connect(
    request: HttpRequest,
    payload: web::Payload,
    browser: BrowserSession,
    chat: Data<Chat>,
    connections: Data<Connections>,
) -> Result<HttpResponse, actix_web::Error> {
    let limits = connections.limits;
    let (payload, violation) = validate_frames(&request, payload, limits.frames()).await?;
    let (response, socket, stream) = accept(&request, payload)?;
    let access = browser.access.clone();
    let permit = connections.acquire(browser.caller(), ConnectionKind::WebSocket)?;
    let (sender, outbox) = mpsc::channel(OUTBOX_CAPACITY);
    let connections = Connections::clone(&connections);
    let client = Client::new(Chat::clone(&chat), browser, sender, connections.clone());
    let reader = Reader::new(stream, violation, limits);
    let tasks = connections.tasks.clone();
    let server_end = async move {
        tokio::select! {
            () = session_ended(Chat::clone(&chat), access, limits.idle_timeout) => {
                Some(Close::session_ended())
            }
            () = connections.shutdown.cancelled() => None,
        }
    };
    tasks.spawn_local(run(socket, reader, client, outbox, permit, server_end));
    Ok(response)
}

/// Runs the connection until one side closes it. `server_end` completes when the server must close it, with `None`
/// at shutdown.
async fn run(
    socket: Socket,
    reader: Reader,
    mut client: Client<OutgoingEvent>,
    outbox: mpsc::Receiver<OutgoingEvent>,
    permit: ConnectionPermit,
    server_end: impl Future<Output = Option<Close>>,
) {
    let limits = reader.limits;
    let mut writer = pin!(write(socket.clone(), outbox, limits));
    let end = tokio::select! {
        close = reader.run(socket.clone(), &mut client) => Some(close),
        close = &mut writer => Some(close),
        close = server_end => close,
    };
    let close = if let Some(close) = end {
        close
    } else {
        tokio::join!(Box::pin(client.finish()), writer);
        Close::server_restart()
    };
    // If the client does not receive the close frame, the system's send timeout drops the connection.
    let _ = timeout(limits.send_timeout / 2, socket.close(close.frame)).await;
    permit.release(close.reason);
}
