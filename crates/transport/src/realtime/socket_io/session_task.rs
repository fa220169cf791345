use std::sync::Arc;
use std::time::Duration;

use engineioxide_core::Packet;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use webchat_chat::Chat;
use webchat_domain::Session as Browser;

use super::close_reason::End;
use super::connection::Talk;
use super::engine_io_session::{Carrier, Session};
use super::sessions::Place;
use crate::error::api_error::ApiError;
use crate::realtime::connections::Connections;

/// How long a polling client may take to come for what is left when the server goes away.
const FAREWELL: Duration = Duration::from_secs(3);

/// Starts a session for a browser.
pub(super) fn start(
    chat: &Chat,
    browser: Browser,
    connections: &Connections,
    carrier: Carrier,
) -> Result<Arc<Session>, ApiError> {
    let held = connections.enter(browser.user_id)?;
    let (session, sender, heard) = Session::new(browser.session_id, carrier);
    let session = Arc::new(session);
    let place = connections.socket_io.add(Arc::clone(&session))?;
    let talk = Talk::new(chat.clone(), browser, connections.clone(), sender);
    connections.tasks.spawn(live(place, talk, heard, held, connections.closing.clone()));
    Ok(session)
}

/// The life of a session, from its start to its end.
async fn live(
    place: Place,
    mut talk: Talk,
    mut heard: mpsc::Receiver<Packet>,
    _held: webchat_chat::Permit,
    closing: CancellationToken,
) {
    let session = &place.session;
    let ended = tokio::select! {
        end = session.ended() => Some(end),
        end = session.keep_alive() => Some(end),
        end = talk.listen(&mut heard) => Some(end),
        () = closing.cancelled() => None,
    };
    let end = if let Some(end) = ended {
        end
    } else {
        let told = async {
            // The outbox's last senders go with it: it ends after what is in it, and so does the
            // session.
            talk.finish().await;
            session.ended().await
        };
        timeout(FAREWELL, told).await.unwrap_or(End::Restart)
    };
    session.end(end);
}
