//! Reads a conversation's messages page by page.

use std::collections::HashMap;

use webchat_domain::{ConversationId, Message, MessageId, Role, TurnId, UserId, VersionedMessage};
use webchat_persistence::rules;

use super::service::Conversations;
use crate::error::ChatError;

/// A page of messages, and the sequence number to subscribe from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessagePage {
    /// The messages, oldest first, without the answer of the running turn: its events contain the complete
    /// answer.
    pub messages: Vec<VersionedMessage>,
    /// The `before` of the next page, which has older messages or is empty. `None` if this is the last page.
    pub next_before: Option<u64>,
    /// The sequence number after which a subscription delivers everything that this page lacks.
    pub event_seq: u64,
    /// The running turn, if any.
    pub running_turn: Option<TurnId>,
}

impl Conversations {
    /// Returns the newest messages of the visible path before the position `before`: at most `limit`, and fewer
    /// if they are long (see [`rules::MAX_PAGE_BYTES`]).
    ///
    /// # Errors
    /// [`ChatError::ConversationNotFound`] if the user has no such conversation.
    pub async fn message_page(
        &self,
        user_id: UserId,
        id: ConversationId,
        before: Option<u64>,
        limit: u32,
    ) -> Result<MessagePage, ChatError> {
        // Read the checkpoint first: an event between the two reads is then delivered twice rather than never.
        // Clients ignore duplicates by id.
        let checkpoint = self.core.ports.log.checkpoint(id).await?;
        let mut messages = self.core.read_messages(user_id, id, before, limit).await?;
        let next_before = messages
            .first()
            .map(|oldest| oldest.position)
            .filter(|&position| position > 1 && rules::is_full_page(&messages, limit));
        if let Some(running) = checkpoint.running_turn {
            messages
                .retain(|message| message.turn_id != Some(running) || message.role == Role::User);
        }
        Ok(MessagePage {
            messages: self.with_versions(user_id, id, messages).await?,
            next_before,
            event_seq: checkpoint.seq,
            running_turn: checkpoint.running_turn,
        })
    }

    /// Adds the versions of each message: the messages with the same parent and role.
    async fn with_versions(
        &self,
        user_id: UserId,
        id: ConversationId,
        messages: Vec<Message>,
    ) -> Result<Vec<VersionedMessage>, ChatError> {
        if messages.is_empty() {
            return Ok(Vec::new());
        }
        let parents = messages.iter().map(|message| message.parent_id).collect();
        let mut versions: HashMap<_, Vec<MessageId>> = HashMap::new();
        for child in self.core.ports.conversations.children(user_id, id, parents).await? {
            versions.entry((child.parent_id, child.role)).or_default().push(child.message_id);
        }
        let versioned = messages.into_iter().map(|message| {
            let versions = versions.remove(&(message.parent_id, message.role));
            // A concurrent reset may have removed the message.
            let versions = versions.unwrap_or_else(|| vec![message.message_id]);
            VersionedMessage { message, versions }
        });
        Ok(versioned.collect())
    }
}

#[cfg(test)]
mod tests {
    use webchat_domain::{FinishReason, NewMessage};
    use webchat_persistence::Append;

    use super::*;
    use crate::testing::{ANSWER, QUESTION, START, TestChat, settle};

    fn positions(messages: &[VersionedMessage]) -> Vec<u64> {
        messages.iter().map(|versioned| versioned.message.position).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn a_page_omits_the_answer_of_a_running_turn() {
        let test = TestChat::new().await;
        test.ask_and_answer(QUESTION, ANSWER).await;
        let before = test.events().await.last().unwrap().seq;
        let request = test.ask("Why?").await;
        request.send_text("Because").await;
        test.advance(std::time::Duration::from_secs(3)).await;

        let during = test.message_page(None, 10).await;
        request.finish(FinishReason::Stop).await;
        settle().await;
        let afterwards = test.message_page(None, 10).await;

        let question = &test.messages().await[2];
        assert_eq!(positions(&during.messages), [1, 2, 3]);
        assert_eq!(during.running_turn, question.turn_id);
        assert_eq!(during.event_seq, before);
        assert_eq!(positions(&afterwards.messages), [1, 2, 3, 4]);
        assert_eq!(afterwards.running_turn, None);
        assert_eq!(afterwards.event_seq, test.events().await.last().unwrap().seq);
    }

    #[tokio::test(start_paused = true)]
    async fn pages_are_read_from_the_newest_message_to_the_oldest() {
        let test = TestChat::new().await;
        append(&test, 5).await;

        let newest = test.message_page(None, 2).await;
        let middle = test.message_page(newest.next_before, 2).await;
        let oldest = test.message_page(middle.next_before, 2).await;
        let all = test.message_page(None, 5).await;

        assert_eq!((positions(&newest.messages), newest.next_before), (vec![4, 5], Some(4)));
        assert_eq!((positions(&middle.messages), middle.next_before), (vec![2, 3], Some(2)));
        assert_eq!((positions(&oldest.messages), oldest.next_before), (vec![1], None));
        assert_eq!((all.messages.len(), all.next_before), (5, None));
    }

    #[tokio::test(start_paused = true)]
    async fn a_reset_conversation_has_no_page_before_its_first_message() {
        let test = TestChat::new().await;
        append(&test, 5).await;
        test.chat
            .core
            .ports
            .conversations
            .reset(test.user_id, test.conversation_id, START)
            .await
            .unwrap();
        append(&test, 2).await;

        let page = test.message_page(None, 10).await;

        assert_eq!((positions(&page.messages), page.next_before), (vec![6, 7], None));
    }

    #[tokio::test(start_paused = true)]
    async fn a_page_without_the_running_answer_still_has_a_next_page() {
        let test = TestChat::new().await;
        test.ask_and_answer(QUESTION, ANSWER).await;
        let _answering = test.ask("Why?").await;

        let newest = test.message_page(None, 2).await;

        assert_eq!((positions(&newest.messages), newest.next_before), (vec![3], Some(3)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_page_of_long_messages_has_a_next_page() {
        let test = TestChat::new().await;
        append_texts(&test, 3, &"x".repeat(rules::MAX_PAGE_BYTES)).await;

        let newest = test.message_page(None, 200).await;
        let older = test.message_page(newest.next_before, 200).await;

        assert_eq!((positions(&newest.messages), newest.next_before), (vec![3], Some(3)));
        assert_eq!((positions(&older.messages), older.next_before), (vec![2], Some(2)));
    }

    #[tokio::test(start_paused = true)]
    async fn another_user_cannot_read_messages() {
        let test = TestChat::new().await;
        let other_user = UserId::generate();

        let page =
            test.chat.conversations.message_page(other_user, test.conversation_id, None, 10).await;

        assert!(matches!(page, Err(ChatError::ConversationNotFound)));
    }

    async fn append(test: &TestChat, count: usize) {
        append_texts(test, count, "…").await;
    }

    async fn append_texts(test: &TestChat, count: usize, content: &str) {
        let new_message = || NewMessage {
            content: content.to_owned(),
            token_count: 1,
            created_at: START,
            ..NewMessage::fixture()
        };
        let messages = std::iter::repeat_with(new_message).take(count).collect();
        let append = Append { messages, ..Append::default() };
        let conversations = &test.chat.core.ports.conversations;
        conversations.append(test.user_id, test.conversation_id, append, START).await.unwrap();
    }
}
