use webchat_domain::{ConversationId, Session, SessionId, UserId};

use crate::{Accounts, ChatError};

impl Accounts {
    /// The session, if there is one and it has not lapsed.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn find_session(&self, id: SessionId) -> Result<Option<Session>, ChatError> {
        let now = self.core.ports.clock.now();
        Ok(self.core.ports.sessions.find(id, now).await?)
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
        self.touch_session(&session).await?;
        Ok(session)
    }

    /// Keeps the session as it is now, for the whole time that a session lasts.
    ///
    /// # Errors
    /// When the store can't keep it.
    pub async fn touch_session(&self, session: &Session) -> Result<(), ChatError> {
        let now = self.core.ports.clock.now();
        let expires_at = now.plus(self.core.settings.session_ttl);
        Ok(self.core.ports.sessions.save(session, now, expires_at).await?)
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
        let session = Session { conversation_id: Some(conversation_id), ..session.clone() };
        self.touch_session(&session).await
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::testing::Room;

    const MOMENT: Duration = Duration::from_millis(1);

    #[tokio::test]
    async fn a_session_lasts_from_its_last_visit_on() {
        let room = Room::open().await;
        let almost_lapsed = room.chat.settings().session_ttl.saturating_sub(MOMENT);
        let session = room.chat.accounts.start_session().await.unwrap();
        let find = || room.chat.accounts.find_session(session.session_id);

        room.clock.advance(almost_lapsed);
        let before_it_lapses = find().await.unwrap();
        room.chat.accounts.touch_session(&session).await.unwrap();
        room.clock.advance(almost_lapsed);
        let after_a_visit = find().await.unwrap();
        room.clock.advance(MOMENT);
        let lapsed = find().await.unwrap();

        assert_eq!(before_it_lapses, Some(session.clone()));
        assert_eq!(after_a_visit, Some(session));
        assert_eq!(lapsed, None);
    }

    #[tokio::test]
    async fn a_session_remembers_its_current_conversation() {
        let room = Room::open().await;
        let session = room.chat.accounts.start_session().await.unwrap();

        room.chat.accounts.set_current_conversation(&session, room.id).await.unwrap();

        let found = room.chat.accounts.find_session(session.session_id).await.unwrap().unwrap();
        assert_eq!(session.conversation_id, None);
        assert_eq!(found, Session { conversation_id: Some(room.id), ..session });
    }
}
