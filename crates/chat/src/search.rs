use std::collections::HashMap;

use webchat_domain::{Conversation, SearchHit, SearchQuery, UserId};

use crate::{ChatError, Conversations};

/// Messages that are looked at to find conversations.
const MESSAGES: u32 = 500;

/// A conversation that was found.
#[derive(Clone, Debug, PartialEq)]
pub struct FoundConversation {
    /// The conversation.
    pub conversation: Conversation,
    /// How well the best of its messages fits: higher is better; comparable only within one search.
    pub score: f64,
}

impl Conversations {
    /// The owner's messages that fit the query best, at most `limit`.
    ///
    /// # Errors
    /// [`ChatError::EmptySearch`] where nothing is searched for.
    pub async fn search(
        &self,
        user_id: UserId,
        query: &str,
        limit: u32,
    ) -> Result<Vec<SearchHit>, ChatError> {
        let query = SearchQuery::parse(query);
        if query.is_empty() {
            return Err(ChatError::EmptySearch);
        }
        Ok(self.core.ports.conversations.search(user_id, &query, limit).await?)
    }

    /// The owner's conversations with the messages that fit the query best, at most `limit`, of the
    /// 500 best messages.
    ///
    /// # Errors
    /// [`ChatError::EmptySearch`] where nothing is searched for.
    pub async fn search_conversations(
        &self,
        user_id: UserId,
        query: &str,
        limit: usize,
    ) -> Result<Vec<FoundConversation>, ChatError> {
        let mut best = HashMap::new();
        let mut ids = Vec::new();
        for hit in self.search(user_id, query, MESSAGES).await? {
            // The first of a conversation is its best.
            best.entry(hit.conversation_id).or_insert_with(|| {
                ids.push(hit.conversation_id);
                hit.score
            });
        }
        let mut found = Vec::new();
        for id in ids.into_iter().take(limit) {
            // One that was deleted meanwhile is not found any more.
            if let Some(conversation) = self.core.ports.conversations.find(user_id, id).await? {
                let score = best.get(&id).copied().unwrap_or_default();
                found.push(FoundConversation { conversation, score });
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Room;

    #[tokio::test(start_paused = true)]
    async fn a_conversation_is_found_once_by_its_best_message() {
        let room = Room::open().await;
        room.ask_and_answer("The moon makes the tides.", "Tides, tides: the tide.").await;
        let other =
            room.chat.conversations.start(room.user_id, None).await.unwrap().conversation_id;
        let filler = "and many other things of little weight ".repeat(20);
        let asking = crate::testing::message(&format!("{filler} tide {filler}"));
        room.chat.turns.send(room.user_id, other, asking).await.unwrap();

        let found =
            room.chat.conversations.search_conversations(room.user_id, "tide", 10).await.unwrap();
        let best =
            room.chat.conversations.search_conversations(room.user_id, "tide", 1).await.unwrap();

        let ids: Vec<_> = found.iter().map(|one| one.conversation.conversation_id).collect();
        assert_eq!(ids, [room.id, other]);
        assert!(found[0].score > found[1].score);
        assert_eq!(best, found[..1]);
        let stranger =
            room.chat.conversations.search_conversations(UserId::generate(), "tide", 10).await;
        assert_eq!(stranger.unwrap(), []);
    }

    #[tokio::test(start_paused = true)]
    async fn a_search_for_nothing_is_refused() {
        let room = Room::open().await;

        for query in ["", " ", "-tide", "\""] {
            let refused = room.chat.conversations.search(room.user_id, query, 10).await;
            assert_eq!(refused.unwrap_err().code(), "empty_search", "{query:?}");
        }
    }
}
