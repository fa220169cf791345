use webchat_domain::{ConversationId, Session, SessionId, UserId};

use crate::{Chat, ChatError};

impl Chat {
    /// The session, if there is one and it has not lapsed.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn find_session(&self, id: SessionId) -> Result<Option<Session>, ChatError> {
        let now = self.ports.clock.now();
        Ok(self.ports.sessions.find(id, now).await?)
    }

    /// Starts a session, for a user who was not here before.
    ///
    /// # Errors
    /// When the store can't keep it.
    pub async fn start_session(&self) -> Result<Session, ChatError> {
        let session = Session {
            session_id: SessionId::generate(),
            user_id: UserId::generate(),
            conversation_id: None,
        };
        self.keep_session(&session).await?;
        Ok(session)
    }

    /// Keeps the session as it is now, for the whole time that a session lasts.
    ///
    /// # Errors
    /// When the store can't keep it.
    pub async fn keep_session(&self, session: &Session) -> Result<(), ChatError> {
        let now = self.ports.clock.now();
        let expires_at = now.plus(self.limits.session_ttl);
        Ok(self.ports.sessions.save(session, now, expires_at).await?)
    }

    /// Makes `conversation_id` the one that requests of this session mean when they name none.
    ///
    /// # Errors
    /// When the store can't keep it.
    pub async fn set_current_conversation(
        &self,
        session: &Session,
        conversation_id: ConversationId,
    ) -> Result<(), ChatError> {
        let session = Session {
            conversation_id: Some(conversation_id),
            ..session.clone()
        };
        self.keep_session(&session).await
    }
}
