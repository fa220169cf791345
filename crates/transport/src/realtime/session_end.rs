//! Detects the end of a browser's session while it has live connections.

use std::time::Duration;

use tokio::time::timeout;
use webchat_chat::{Chat, ChatError};
use webchat_domain::Session;

use crate::extract::session::BrowserSession;
use crate::settings::AuthMode;

/// The close reason for a client whose session has ended.
pub(super) const SESSION_ENDED: &str = "the session has ended: load the page again";

/// The time after which a session that can't be read is read again.
const READ_RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// The session of a live connection.
pub(crate) struct WatchedSession {
    pub(crate) session: Session,
    /// Whether the session is stored. One that is not stored yet has not ended.
    pub(crate) is_stored: bool,
    pub(crate) auth: AuthMode,
}

impl From<&BrowserSession> for WatchedSession {
    fn from(browser: &BrowserSession) -> Self {
        let BrowserSession { session, is_stored, auth, .. } = browser.clone();
        Self { session, is_stored, auth }
    }
}

impl WatchedSession {
    /// Returns whether the session has expired, was deleted, or gives no access any more.
    async fn has_ended(&mut self, chat: &Chat) -> Result<bool, ChatError> {
        match chat.sessions.find_session(self.session.session_id).await? {
            Some(session) => {
                self.is_stored = true;
                self.session = session;
            }
            None if self.is_stored => return Ok(true),
            None => {}
        }
        Ok(!self.auth.accepts(chat, &self.session).await?)
    }
}

/// Waits until the session has ended. Checks it when sessions of the user end, and at each `interval`.
pub(crate) async fn session_ended(chat: Chat, mut watched: WatchedSession, interval: Duration) {
    let mut ends = chat.sessions.session_ends(watched.session.user_id);
    loop {
        // Boxed, so that idle connections take little memory.
        let next_check = match Box::pin(watched.has_ended(&chat)).await {
            Ok(true) => return,
            Ok(false) => interval,
            Err(_) => interval.min(READ_RETRY_INTERVAL),
        };
        // At the timeout, the session may have expired.
        let _ = timeout(next_check, ends.next()).await;
    }
}
