//! Browser sessions.

use crate::{ConversationId, SessionId, UserId};

/// The session of a browser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The id. A browser authenticates itself by sending it.
    pub session_id: SessionId,
    /// The user on whose behalf the browser acts.
    pub user_id: UserId,
    /// The current conversation, for requests that do not name one.
    pub conversation_id: Option<ConversationId>,
}
