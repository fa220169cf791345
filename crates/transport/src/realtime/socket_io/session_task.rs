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
use crate::extract::session::BrowserSession;
use crate::metrics::{ConnectionKind, ConnectionPermit};
use crate::realtime::close_reason::CloseReason;
use crate::realtime::connections::Connections;
use crate::realtime::session_end::session_ended;
use crate::realtime::unfinished_message::UnfinishedMessage;

/// The maximum time for a polling client to fetch the remaining packets at shutdown.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(3);

/// Starts an Engine.IO session for a browser's session.
pub(super) fn start(
    chat: &Chat,
    browser: BrowserSession,
    connections: &Connections,
    transport: TransportState,
    unfinished: UnfinishedMessage,
) -> Result<Arc<EngineIoSession>, ApiError> {
    let browser_session_id = browser.access.session.session_id;
    let access = browser.access.clone();
    let permit = connections.acquire(browser.caller(), ConnectionKind::SocketIo)?;
    let (engine_io_session, outbox, inbox) = EngineIoSession::new(browser_session_id, transport);
    let engine_io_session = Arc::new(engine_io_session);
    let entry = connections.engine_io_sessions.add(Arc::clone(&engine_io_session));
    let connection =
        SocketIoConnection::new(chat.clone(), browser, connections.clone(), outbox, unfinished);
    let idle_timeout = connections.limits.idle_timeout;
    let browser_session_end = session_ended(chat.clone(), access, idle_timeout);
    let shutdown = connections.shutdown.clone();
    connections.tasks.spawn(run(entry, connection, inbox, permit, browser_session_end, shutdown));
    Ok(engine_io_session)
}

async fn run(
    entry: SessionEntry,
    mut connection: SocketIoConnection,
    mut inbox: mpsc::Receiver<Packet>,
    permit: ConnectionPermit,
    browser_session_end: impl Future<Output = ()>,
    shutdown: CancellationToken,
) {
    let engine_io_session = &entry.session;
    let close_reason = tokio::select! {
        reason = engine_io_session.ended() => Some(reason),
        reason = engine_io_session.keep_alive() => Some(reason),
        reason = connection.run(&mut inbox) => Some(reason),
        () = browser_session_end => Some(CloseReason::SessionEnded),
        () = shutdown.cancelled() => None,
    };
    let reason = if let Some(reason) = close_reason {
        reason
    } else {
        let flush = async {
            // This drops the last senders of the outbox. When the client has received the remaining
            // packets, the outbox closes, and the session ends.
            Box::pin(connection.finish()).await;
            engine_io_session.ended().await
        };
        timeout(FLUSH_TIMEOUT, flush).await.unwrap_or(CloseReason::ServerRestart)
    };
    permit.release(engine_io_session.end(reason));
}
