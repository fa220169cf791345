//! The task of an Engine.IO session, from its start to its end.

use std::sync::Arc;
use std::time::Duration;

use engineioxide_core::Packet;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use webchat_chat::Chat;

use super::connection::SocketIoConnection;
use super::engine_io_session::{EngineIoSession, TransportState};
use super::sessions::SessionEntry;
use crate::error::api_error::ApiError;
use crate::extract::session::VisitorSession;
use crate::metrics::{ConnectionKind, ConnectionPermit};
use crate::realtime::close_reason::CloseReason;
use crate::realtime::connections::Connections;
use crate::realtime::session_end::session_ended;
use crate::realtime::unfinished_message::UnfinishedMessage;

/// How long a polling client may take to fetch the remaining packets at shutdown.
const POLL_GRACE: Duration = Duration::from_secs(3);

/// Starts an Engine.IO session for a browser's session.
pub(super) fn start(
    chat: &Chat,
    visitor: VisitorSession,
    connections: &Connections,
    transport: TransportState,
    unfinished: UnfinishedMessage,
) -> Result<Arc<EngineIoSession>, ApiError> {
    let session_id = visitor.session.session_id;
    let permit = connections.acquire(visitor.caller(), ConnectionKind::SocketIo)?;
    let (session, outbox, inbox) = EngineIoSession::new(session_id, transport);
    let session = Arc::new(session);
    let entry = connections.socket_io.add(Arc::clone(&session));
    let connection =
        SocketIoConnection::new(chat.clone(), visitor, connections.clone(), outbox, unfinished);
    let session_end = session_ended(chat.clone(), session_id, connections.limits.idle_timeout);
    let closing = connections.closing.clone();
    connections.tasks.spawn(run(entry, connection, inbox, permit, session_end, closing));
    Ok(session)
}

async fn run(
    entry: SessionEntry,
    mut connection: SocketIoConnection,
    mut inbox: mpsc::Receiver<Packet>,
    permit: ConnectionPermit,
    session_end: impl Future<Output = ()>,
    closing: CancellationToken,
) {
    let session = &entry.session;
    let end = tokio::select! {
        reason = session.ended() => Some(reason),
        reason = session.keep_alive() => Some(reason),
        reason = connection.run(&mut inbox) => Some(reason),
        () = session_end => Some(CloseReason::SessionEnded),
        () = closing.cancelled() => None,
    };
    let reason = if let Some(reason) = end {
        reason
    } else {
        let flush = async {
            // This drops the last senders of the outbox. When the client has received the remaining
            // packets, the outbox closes, and the session ends.
            connection.finish().await;
            session.ended().await
        };
        timeout(POLL_GRACE, flush).await.unwrap_or(CloseReason::ServerRestart)
    };
    permit.close(session.end(reason));
}
