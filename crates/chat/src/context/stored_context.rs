//! Reads the stored context and the history to plan a request.

use std::ops::ControlFlow;

use webchat_domain::{Context, ConversationId, Message, UserId};
use webchat_persistence::StoredContext;
use webchat_tokens::Budget;

use crate::error::ChatError;
use crate::runtime::core::Core;

/// The page size when the history is read to plan a request.
const PAGE_SIZE: u32 = 50;

impl Core {
    pub(crate) fn budget(&self, context: &Context) -> Budget {
        let (window, reply) = (self.settings.window_tokens, self.settings.reserved_tokens());
        Budget::for_context(window, reply, self.system_prompt.as_ref(), context)
    }

    pub(crate) async fn stored_context(
        &self,
        user_id: UserId,
        id: ConversationId,
    ) -> Result<StoredContext, ChatError> {
        let found = self.ports.contexts.context(user_id, id).await?;
        found.ok_or(ChatError::ConversationNotFound)
    }

    /// Calls `visit` with each message before the position `before`, newest first, until it returns `Break`.
    /// Without a position, starts with the newest message.
    pub(crate) async fn visit_history(
        &self,
        user_id: UserId,
        id: ConversationId,
        mut before: Option<u64>,
        mut visit: impl FnMut(Message) -> ControlFlow<()>,
    ) -> Result<(), ChatError> {
        while before.is_none_or(|before| before > 1) {
            let page = self.read_messages(user_id, id, before, PAGE_SIZE).await?;
            before = Some(page.first().map_or(0, |oldest| oldest.position));
            for message in page.into_iter().rev() {
                if visit(message).is_break() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}
