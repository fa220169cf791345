use webchat_domain::{ConversationId, UserId};

use crate::{Chat, ChatError};

impl Chat {
    /// Ends the answer that is being made, if there is one. What came of it is kept.
    ///
    /// # Errors
    /// [`ChatError::ConversationNotFound`], also when it is somebody else's.
    pub async fn stop(&self, owner: UserId, id: ConversationId) -> Result<(), ChatError> {
        self.find_conversation(owner, id).await?;
        self.turns.stop(id);
        Ok(())
    }
}
