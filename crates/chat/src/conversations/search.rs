//! Full-text search in a user's messages.

use webchat_domain::{Conversation, SearchHit, SearchQuery, UserId};

use super::service::Conversations;
use crate::error::ChatError;

/// The number of best-matching messages that a search for conversations considers.
const MAX_MESSAGES: u32 = 500;

/// The maximum length of a query in characters.
const MAX_QUERY_CHARS: usize = 1_000;

/// A conversation that matches a query.
#[derive(Clone, Debug, PartialEq)]
pub struct FoundConversation {
    /// The conversation.
    pub conversation: Conversation,
    /// The score of its best message. Higher is better; scores of different searches are not comparable.
    pub score: f64,
}

impl Conversations {
    /// Returns the user's messages that match the query best, at most `limit`. Only the first 32 distinct terms of
    /// the query are used.
    ///
    /// # Errors
    /// [`ChatError::EmptySearch`] if the query has no word to search for, [`ChatError::SearchTooLong`] if it
    /// has more than 1000 characters, [`ChatError::StorageTimeout`] if it takes too long.
    pub async fn search(
        &self,
        user_id: UserId,
        query: &str,
        limit: u32,
    ) -> Result<Vec<SearchHit>, ChatError> {
        let query = parse(query)?;
        Ok(self.core.ports.conversations.search(user_id, &query, limit).await?)
    }

    /// Returns the user's conversations with the best matches, at most `limit`. Considers only the 500
    /// best-matching messages. Conversations of which only a few-shot example matches come last, with the score 0.
    ///
    /// # Errors
    /// As [`Conversations::search`].
    pub async fn search_conversations(
        &self,
        user_id: UserId,
        query: &str,
        limit: usize,
    ) -> Result<Vec<FoundConversation>, ChatError> {
        let query = parse(query)?;
        let conversations = &self.core.ports.conversations;
        let best = conversations.search_conversations(user_id, &query, MAX_MESSAGES).await?;
        let mut found = Vec::new();
        for (id, score) in best.into_iter().take(limit) {
            // The conversation may have been deleted concurrently.
            if let Some(conversation) = conversations.find(user_id, id).await? {
                found.push(FoundConversation { conversation, score });
            }
        }
        Ok(found)
    }
}

fn parse(query: &str) -> Result<SearchQuery, ChatError> {
    if query.chars().nth(MAX_QUERY_CHARS).is_some() {
        return Err(ChatError::SearchTooLong { max_chars: MAX_QUERY_CHARS });
    }
    let query = SearchQuery::parse(query);
    if query.is_empty() { Err(ChatError::EmptySearch) } else { Ok(query) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TestChat;

    #[tokio::test(start_paused = true)]
    async fn a_conversation_with_several_hits_is_found_once_with_its_best_score() {
        let test = TestChat::new().await;
        test.ask_and_answer("The moon makes the tides.", "Tides, tides: the tide.").await;
        let other =
            test.chat.conversations.start(test.user_id, None).await.unwrap().conversation_id;
        let filler = "and many other things of little weight ".repeat(20);
        let question = crate::testing::message(&format!("{filler} tide {filler}"));
        test.chat.turns.send(test.user_id, other, question).await.unwrap();

        let found =
            test.chat.conversations.search_conversations(test.user_id, "tide", 10).await.unwrap();
        let best =
            test.chat.conversations.search_conversations(test.user_id, "tide", 1).await.unwrap();

        let ids: Vec<_> = found.iter().map(|found| found.conversation.conversation_id).collect();
        assert_eq!(ids, [test.conversation_id, other]);
        assert!(found[0].score > found[1].score);
        assert_eq!(best, found[..1]);
        let by_other_user =
            test.chat.conversations.search_conversations(UserId::generate(), "tide", 10).await;
        assert_eq!(by_other_user.unwrap(), []);
    }

    #[tokio::test(start_paused = true)]
    async fn a_query_with_nothing_to_search_for_is_an_error() {
        let test = TestChat::new().await;

        for query in ["", " ", "-tide", "\""] {
            let result = test.chat.conversations.search(test.user_id, query, 10).await;
            assert_eq!(result.unwrap_err().code(), "empty_search", "{query:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_query_that_is_too_long_is_an_error() {
        let test = TestChat::new().await;
        let search = async |length: usize| {
            let query = "潮".repeat(length);
            test.chat.conversations.search(test.user_id, &query, 10).await
        };

        assert_eq!(search(1_000).await.unwrap(), []);
        assert_eq!(search(1_001).await.unwrap_err().code(), "search_too_long");
    }
}
