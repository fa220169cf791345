use webchat_domain::{ConversationId, Message, Role, TurnId, UserId, VersionedMessage};

use crate::core::Core;
use crate::{ChatError, Conversations};

/// Messages read at a time where all are wanted.
const PAGE: u32 = 200;

/// Messages of a conversation, and where its events continue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessagePage {
    /// Oldest first. The answer that is being made is not among them: the events bring it whole.
    pub messages: Vec<VersionedMessage>,
    /// The page before this one ends before this position; `None` where there is none.
    pub next_before: Option<u64>,
    /// Whoever follows the events after this number misses nothing.
    pub event_seq: u64,
    /// The turn that runs.
    pub running_turn: Option<TurnId>,
}

impl Conversations {
    /// The newest messages of the visible path before the position `before`, at most `limit`.
    ///
    /// # Errors
    /// [`ChatError::ConversationNotFound`], also when it is somebody else's.
    pub async fn message_page(
        &self,
        user_id: UserId,
        id: ConversationId,
        before: Option<u64>,
        limit: u32,
    ) -> Result<MessagePage, ChatError> {
        // The place in the log first: what happens between the two reads is then told twice rather
        // than not at all, and clients know events by their ids.
        let checkpoint = self.core.ports.log.checkpoint(id).await?;
        let mut messages = self.core.read_messages(user_id, id, before, limit).await?;
        let next_before = messages
            .first()
            .map(|oldest| oldest.position)
            .filter(|&position| position > 1 && count(&messages) == limit);
        if let Some(running) = checkpoint.running_turn {
            messages
                .retain(|message| message.turn_id != Some(running) || message.role == Role::User);
        }
        Ok(MessagePage {
            messages: self.core.with_versions(user_id, id, messages).await?,
            next_before,
            event_seq: checkpoint.seq,
            running_turn: checkpoint.running_turn,
        })
    }

    /// All messages of the visible path, oldest first, but for answers of which nothing came.
    ///
    /// # Errors
    /// [`ChatError::ConversationNotFound`], also when it is somebody else's.
    pub async fn all_messages(
        &self,
        user_id: UserId,
        id: ConversationId,
    ) -> Result<Vec<Message>, ChatError> {
        self.core.all_messages(user_id, id).await
    }
}

impl Core {
    pub(crate) async fn all_messages(
        &self,
        user_id: UserId,
        id: ConversationId,
    ) -> Result<Vec<Message>, ChatError> {
        let mut newest_first: Vec<Message> = Vec::new();
        loop {
            let before = newest_first.last().map(|oldest| oldest.position);
            let page = self.read_messages(user_id, id, before, PAGE).await?;
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
        user_id: UserId,
        id: ConversationId,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<Message>, ChatError> {
        let found = self.ports.conversations.messages(user_id, id, before, limit).await?;
        found.ok_or(ChatError::ConversationNotFound)
    }
}

fn count(messages: &[Message]) -> u32 {
    u32::try_from(messages.len()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use webchat_domain::{FinishReason, MessageId, MessageStatus, NewMessage};
    use webchat_persistence::Append;

    use super::*;
    use crate::testing::{ANSWER, QUESTION, Room, START, settle};

    fn positions(messages: &[VersionedMessage]) -> Vec<u64> {
        messages.iter().map(|versioned| versioned.message.position).collect()
    }

    async fn page(room: &Room, before: Option<u64>, limit: u32) -> MessagePage {
        room.chat.conversations.message_page(room.user_id, room.id, before, limit).await.unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn while_a_turn_runs_its_answer_comes_by_the_events_alone() {
        let room = Room::open().await;
        room.ask_and_answer(QUESTION, ANSWER).await;
        let before = room.events().await.last().unwrap().seq;
        let asked = room.ask("Why?").await;
        asked.say("Because").await;
        room.wait(std::time::Duration::from_secs(3)).await;

        let during = page(&room, None, 10).await;
        asked.finish(FinishReason::Stop).await;
        settle().await;
        let afterwards = page(&room, None, 10).await;

        let question = &room.stored().await[2];
        assert_eq!(positions(&during.messages), [1, 2, 3]);
        assert_eq!(during.running_turn, question.turn_id);
        assert_eq!(during.event_seq, before);
        assert_eq!(positions(&afterwards.messages), [1, 2, 3, 4]);
        assert_eq!(afterwards.running_turn, None);
        assert_eq!(afterwards.event_seq, room.events().await.last().unwrap().seq);
    }

    #[tokio::test(start_paused = true)]
    async fn pages_lead_from_the_newest_message_to_the_first() {
        let room = Room::open().await;
        append(&room, 5).await;

        let newest = page(&room, None, 2).await;
        let middle = page(&room, newest.next_before, 2).await;
        let oldest = page(&room, middle.next_before, 2).await;
        let all = page(&room, None, 5).await;

        assert_eq!((positions(&newest.messages), newest.next_before), (vec![4, 5], Some(4)));
        assert_eq!((positions(&middle.messages), middle.next_before), (vec![2, 3], Some(2)));
        assert_eq!((positions(&oldest.messages), oldest.next_before), (vec![1], None));
        assert_eq!((all.messages.len(), all.next_before), (5, None));
    }

    #[tokio::test(start_paused = true)]
    async fn an_emptied_conversation_has_no_page_before_its_first_message() {
        let room = Room::open().await;
        append(&room, 5).await;
        room.chat.core.ports.conversations.reset(room.user_id, room.id, START).await.unwrap();
        append(&room, 2).await;

        let page = page(&room, None, 10).await;

        assert_eq!((positions(&page.messages), page.next_before), (vec![6, 7], None));
    }

    #[tokio::test(start_paused = true)]
    async fn a_page_of_which_the_running_answer_is_left_out_still_leads_on() {
        let room = Room::open().await;
        room.ask_and_answer(QUESTION, ANSWER).await;
        let _answering = room.ask("Why?").await;

        let newest = page(&room, None, 2).await;

        assert_eq!((positions(&newest.messages), newest.next_before), (vec![3], Some(3)));
    }

    #[tokio::test(start_paused = true)]
    async fn all_messages_are_read_over_more_than_a_page_without_empty_answers() {
        let room = Room::open().await;
        append(&room, 2 * PAGE).await;
        let _answering = room.ask(QUESTION).await;

        let all = room.chat.conversations.all_messages(room.user_id, room.id).await.unwrap();

        let without_the_answer: Vec<u64> = (1..=u64::from(2 * PAGE) + 1).collect();
        let positions: Vec<u64> = all.iter().map(|message| message.position).collect();
        assert_eq!(positions, without_the_answer);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stranger_reads_nothing() {
        let room = Room::open().await;
        let stranger = UserId::generate();

        let page = room.chat.conversations.message_page(stranger, room.id, None, 10).await;
        let all = room.chat.conversations.all_messages(stranger, room.id).await;

        assert!(matches!(page, Err(ChatError::ConversationNotFound)));
        assert!(matches!(all, Err(ChatError::ConversationNotFound)));
    }

    async fn append(room: &Room, count: u32) {
        let imported = || NewMessage {
            message_id: MessageId::generate(),
            turn_id: None,
            role: Role::User,
            content: "…".to_owned(),
            token_count: 1,
            status: MessageStatus::Complete,
            created_at: START,
        };
        let messages = std::iter::repeat_with(imported).take(count.try_into().unwrap()).collect();
        let append = Append { messages, ..Append::default() };
        let conversations = &room.chat.core.ports.conversations;
        conversations.append(room.user_id, room.id, append, START).await.unwrap();
    }
}
