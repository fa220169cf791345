use webchat_domain::{ConversationId, Message, Role, TurnId, UserId};

use crate::{Chat, ChatError};

/// Messages read at a time where all are wanted.
const PAGE: u32 = 200;

/// Messages of a conversation, and where its events continue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessagePage {
    /// Oldest first. The answer that is being made is not among them: the events bring it whole.
    pub messages: Vec<Message>,
    /// The page before this one ends before this position; `None` where there is none.
    pub next_before: Option<u64>,
    /// Whoever follows the events after this number misses nothing.
    pub event_seq: u64,
    /// The turn that runs.
    pub running_turn: Option<TurnId>,
}

impl Chat {
    /// The newest messages before the position `before`, at most `limit`.
    ///
    /// # Errors
    /// [`ChatError::ConversationNotFound`], also when it is somebody else's.
    pub async fn message_page(
        &self,
        owner: UserId,
        id: ConversationId,
        before: Option<u64>,
        limit: u32,
    ) -> Result<MessagePage, ChatError> {
        // The place in the log first: what happens between the two reads is then told twice rather
        // than not at all, and clients know events by their ids.
        let checkpoint = self.ports.log.checkpoint(id).await?;
        let mut messages = self.read_messages(owner, id, before, limit).await?;
        let next_before = messages
            .first()
            .map(|oldest| oldest.position)
            .filter(|&position| position > 1 && count(&messages) == limit);
        if let Some(running) = checkpoint.running_turn {
            messages
                .retain(|message| message.turn_id != Some(running) || message.role == Role::User);
        }
        Ok(MessagePage {
            messages,
            next_before,
            event_seq: checkpoint.seq,
            running_turn: checkpoint.running_turn,
        })
    }

    /// All messages, oldest first, but for answers of which nothing came.
    ///
    /// # Errors
    /// [`ChatError::ConversationNotFound`], also when it is somebody else's.
    pub async fn all_messages(
        &self,
        owner: UserId,
        id: ConversationId,
    ) -> Result<Vec<Message>, ChatError> {
        let mut newest_first: Vec<Message> = Vec::new();
        loop {
            let before = newest_first.last().map(|oldest| oldest.position);
            let page = self.read_messages(owner, id, before, PAGE).await?;
            let is_last = count(&page) < PAGE;
            newest_first.extend(page.into_iter().rev());
            if is_last {
                break;
            }
        }
        newest_first.retain(|message| !message.content.is_empty());
        newest_first.reverse();
        Ok(newest_first)
    }

    pub(crate) async fn read_messages(
        &self,
        owner: UserId,
        id: ConversationId,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<Message>, ChatError> {
        let found = self
            .ports
            .conversations
            .messages(owner, id, before, limit)
            .await?;
        found.ok_or(ChatError::ConversationNotFound)
    }
}

fn count(messages: &[Message]) -> u32 {
    u32::try_from(messages.len()).unwrap_or(u32::MAX)
}
