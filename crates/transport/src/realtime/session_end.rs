//! Notices the end of a session whose connections are live.

use std::time::Duration;

use tokio::time::sleep;
use webchat_chat::Chat;
use webchat_domain::SessionId;

/// The close reason for a client whose session has ended.
pub(super) const SESSION_ENDED: &str = "the session has ended: load the page again";

/// Completes when the session has expired or was deleted; looks at each `interval`. A session that is not stored
/// yet has not ended, and neither has one that can't be read.
pub(crate) async fn session_ended(chat: Chat, id: SessionId, interval: Duration) {
    let mut was_stored = false;
    loop {
        match chat.accounts.find_session(id).await {
            Ok(Some(_)) => was_stored = true,
            Ok(None) if was_stored => return,
            Ok(None) | Err(_) => {}
        }
        sleep(interval).await;
    }
}
