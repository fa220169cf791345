//! Detects the end of a browser's session while it has live connections.

use std::time::Duration;

use tokio::time::sleep;
use webchat_chat::Chat;
use webchat_domain::SessionId;

/// The close reason for a client whose session has ended.
pub(super) const SESSION_ENDED: &str = "the session has ended: load the page again";

/// Waits until the session has expired or was deleted. Checks it at each `interval`. A session that is not stored
/// yet, or that can't be read, does not count as ended.
pub(crate) async fn session_ended(chat: Chat, id: SessionId, interval: Duration) {
    let mut was_stored = false;
    loop {
        // Boxed, so that idle connections take little memory.
        match Box::pin(chat.sessions.find_session(id)).await {
            Ok(Some(_)) => was_stored = true,
            Ok(None) if was_stored => return,
            Ok(None) | Err(_) => {}
        }
        sleep(interval).await;
    }
}
