//! Starts, finds and saves sessions.

use std::sync::Arc;

use webchat_domain::{ConversationId, Session, SessionId, UserId};

use crate::error::ChatError;
use crate::runtime::core::Core;

/// The use cases of sessions and their users.
#[derive(Clone)]
pub struct Accounts {
    core: Arc<Core>,
}

impl Accounts {
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

    /// Starts a session for a new user.
    ///
    /// # Errors
    /// When the session can't be stored.
    pub async fn start_session(&self) -> Result<Session, ChatError> {
        let session = Session {
            session_id: SessionId::generate(),
            user_id: UserId::generate(),
            conversation_id: None,
        };
        self.touch_session(&session).await?;
        Ok(session)
    }

    /// Saves the session, new or existing, with its full lifetime from now.
    ///
    /// # Errors
    /// When the session can't be stored.
    pub async fn touch_session(&self, session: &Session) -> Result<(), ChatError> {
        let now = self.core.now();
        let expires_at = now.plus(self.core.settings.session_ttl);
        Ok(self.core.ports.sessions.save(session, now, expires_at).await?)
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
        self.touch_session(&session).await
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::testing::TestChat;

    const ONE_MS: Duration = Duration::from_millis(1);

    #[tokio::test]
    async fn touching_a_session_extends_it_to_its_full_lifetime() {
        let test = TestChat::new().await;
        let almost_expired = test.chat.settings().session_ttl.saturating_sub(ONE_MS);
        let session = test.chat.accounts.start_session().await.unwrap();
        let find = || test.chat.accounts.find_session(session.session_id);

        test.clock.advance(almost_expired);
        let before_expiry = find().await.unwrap();
        test.chat.accounts.touch_session(&session).await.unwrap();
        test.clock.advance(almost_expired);
        let after_touch = find().await.unwrap();
        test.clock.advance(ONE_MS);
        let expired = find().await.unwrap();

        assert_eq!(before_expiry, Some(session.clone()));
        assert_eq!(after_touch, Some(session));
        assert_eq!(expired, None);
    }

    #[tokio::test]
    async fn a_session_stores_its_current_conversation() {
        let test = TestChat::new().await;
        let session = test.chat.accounts.start_session().await.unwrap();

        test.chat.accounts.set_current_conversation(&session, test.id).await.unwrap();

        let found = test.chat.accounts.find_session(session.session_id).await.unwrap().unwrap();
        assert_eq!(session.conversation_id, None);
        assert_eq!(found, Session { conversation_id: Some(test.id), ..session });
    }
}
