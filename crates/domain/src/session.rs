use crate::{ConversationId, SessionId, UserId};

/// The server's state of a browser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Whoever knows it is this browser.
    pub session_id: SessionId,
    /// Who the browser acts for.
    pub user_id: UserId,
    /// The conversation that requests mean when they name none.
    pub conversation_id: Option<ConversationId>,
}
