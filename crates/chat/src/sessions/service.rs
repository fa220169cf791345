//! Starts, finds and saves sessions.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::broadcast;
use webchat_domain::{ConversationId, Session, SessionId, Timestamp, UserId, error_chain};

use crate::error::ChatError;
use crate::runtime::core::Core;

/// The minimum time between two extensions of a session; at most half of its lifetime.
const EXTENSION_INTERVAL: Duration = Duration::from_hours(24);

/// The use cases of sessions and their users.
#[derive(Clone)]
pub struct Sessions {
    core: Arc<Core>,
}

impl Sessions {
    pub(crate) fn new(core: &Arc<Core>) -> Self {
        Self { core: Arc::clone(core) }
    }

    /// Returns the session, or `None` if it doesn't exist or has expired.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn find_session(&self, id: SessionId) -> Result<Option<Session>, ChatError> {
        Ok(self.core.ports.sessions.find(id, self.core.now()).await?)
    }

    /// Returns the ends of the user's sessions from now on.
    #[must_use]
    pub fn session_ends(&self, user_id: UserId) -> SessionEnds {
        SessionEnds { ended: self.core.ended_sessions.subscribe(), user_id }
    }

    /// Returns a session of a new user, which is not stored.
    #[must_use]
    pub fn new_session(&self) -> Session {
        Session::anonymous(SessionId::generate(), UserId::generate())
    }

    /// Stores a session of a new user, unless it is stored already. Returns the stored session.
    ///
    /// # Errors
    /// When the session can't be stored.
    pub async fn start_session(&self, session: Session) -> Result<Session, ChatError> {
        let (now, expires_at) = (self.now(), self.expiry_from_now(&session));
        let session = self.core.ports.sessions.start(&session, now, expires_at).await?;
        self.record_activity(session.user_id).await;
        Ok(session)
    }

    /// Returns the current time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.core.now()
    }

    /// Returns the time at which a session expires if it is used now for the last time.
    #[must_use]
    pub fn expiry_from_now(&self, session: &Session) -> Timestamp {
        self.now().plus(self.lifetime(session))
    }

    fn lifetime(&self, session: &Session) -> Duration {
        let settings = &self.core.settings;
        if session.sign_in.is_some() { settings.sign_in_idle_ttl } else { settings.session_ttl }
    }

    /// Extends the session to its full lifetime from now, at most once a day. This is best effort: a user
    /// can still read and delete when nothing can be stored, so a failure is only logged.
    pub async fn extend_session(&self, session: &Session) {
        let (now, expires_at) = (self.now(), self.expiry_from_now(session));
        let interval = EXTENSION_INTERVAL.min(self.lifetime(session) / 2);
        let extended =
            self.core.ports.sessions.extend(session.session_id, now, expires_at, interval);
        if let Err(error) = extended.await {
            tracing::warn!(error = error_chain(&error), "failed to extend session");
        }
        self.record_activity(session.user_id).await;
    }

    /// Records that the user is active, at most once a day. This is best effort: a failure is only logged.
    async fn record_activity(&self, user_id: UserId) {
        let now = self.core.now();
        let skip_if_active_after = now.minus(EXTENSION_INTERVAL);
        let recorded =
            self.core.ports.user_activity.record_activity(user_id, now, skip_if_active_after);
        if let Err(error) = recorded.await {
            tracing::warn!(error = error_chain(&error), "failed to record activity");
        }
    }

    /// Makes `conversation_id` the default for requests in this session that name no conversation.
    ///
    /// # Errors
    /// When the session can't be stored.
    pub async fn set_current_conversation(
        &self,
        session: &Session,
        conversation_id: ConversationId,
    ) -> Result<(), ChatError> {
        let session = Session { conversation_id: Some(conversation_id), ..session.clone() };
        let (now, expires_at) = (self.now(), self.expiry_from_now(&session));
        // If the session has just ended, it stays so.
        self.core.ports.sessions.replace(&session, now, expires_at).await?;
        Ok(())
    }
}

/// The ends of a user's sessions, on any instance.
pub struct SessionEnds {
    ended: broadcast::Receiver<UserId>,
    user_id: UserId,
}

impl SessionEnds {
    /// Waits until a session of the user may have ended.
    ///
    /// # Cancel safety
    ///
    /// This method is cancel safe.
    pub async fn next(&mut self) {
        loop {
            match self.ended.recv().await {
                Ok(user_id) if user_id != self.user_id => {}
                // After a loss, the user's may be among the lost ones. The sender lives as long as the services.
                Ok(_) | Err(_) => return,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use webchat_persistence::{MockSessions, StoreError};

    use super::*;
    use crate::testing::TestChat;

    const ONE_MS: Duration = Duration::from_millis(1);

    #[tokio::test]
    async fn a_used_session_is_extended_to_its_full_lifetime() {
        let test = TestChat::new().await;
        let almost_expired = test.chat.settings().session_ttl.saturating_sub(ONE_MS);
        let session = test.start_session().await;
        let find = || test.chat.sessions.find_session(session.session_id);

        test.clock.advance(almost_expired);
        let before_expiry = find().await.unwrap();
        test.chat.sessions.extend_session(&session).await;
        test.clock.advance(almost_expired);
        let after_extension = find().await.unwrap();
        test.clock.advance(ONE_MS);
        let expired = find().await.unwrap();

        assert_eq!(before_expiry, Some(session.clone()));
        assert_eq!(after_extension, Some(session));
        assert_eq!(expired, None);
    }

    #[tokio::test]
    async fn a_session_is_extended_at_most_once_a_day() {
        let session_ttl = EXTENSION_INTERVAL * 10;
        let test = TestChat::with_settings(|settings| settings.session_ttl = session_ttl).await;
        let session = test.start_session().await;

        test.clock.advance(EXTENSION_INTERVAL.saturating_sub(ONE_MS));
        test.chat.sessions.extend_session(&session).await;
        test.clock.advance(session_ttl.saturating_sub(EXTENSION_INTERVAL) + ONE_MS);

        assert_eq!(test.chat.sessions.find_session(session.session_id).await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_session_that_cannot_be_extended_is_used_as_it_is() {
        let mut sessions = MockSessions::new();
        let full = |_, _, _, _| Err(StoreError::unavailable("disk full"));
        sessions.expect_extend().once().returning(full);
        let test = TestChat::new().await.with_ports(|ports| ports.sessions = Arc::new(sessions));

        let session = Session::anonymous(SessionId::generate(), test.user_id);
        test.chat.sessions.extend_session(&session).await;
    }

    #[tokio::test]
    async fn a_session_stores_its_current_conversation() {
        let test = TestChat::new().await;
        let session = test.start_session().await;

        test.chat.sessions.set_current_conversation(&session, test.conversation_id).await.unwrap();

        let found = test.chat.sessions.find_session(session.session_id).await.unwrap().unwrap();
        assert_eq!(session.conversation_id, None);
        assert_eq!(found, Session { conversation_id: Some(test.conversation_id), ..session });
    }
}
