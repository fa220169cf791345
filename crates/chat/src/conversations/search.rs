//! Full-text search in a user's messages and titles.

use webchat_domain::{Conversation, ConversationId, SearchHit, SearchQuery, TitleHit, UserId};

use super::service::Conversations;
use crate::error::ChatError;

/// The number of best-matching messages that a search for conversations considers.
const MAX_MESSAGES: u32 = 500;

/// The maximum length of a query in characters.
const MAX_QUERY_CHARS: usize = 1_000;

/// What a search found.
#[derive(Clone, Debug, PartialEq)]
pub struct SearchResults {
    /// The conversations whose titles match, the last updated ones first.
    pub titles: Vec<TitleHit>,
    /// The messages that match, best first.
    pub hits: Vec<SearchHit>,
}

/// A conversation that matches a query.
#[derive(Clone, Debug, PartialEq)]
pub struct FoundConversation {
    /// The conversation.
    pub conversation: Conversation,
    /// The score of its title or best message. Higher is better; scores of different searches are not comparable.
    pub score: f64,
}

impl Conversations {
    /// Returns the user's conversations with matching titles and the messages that match the query best, at most `limit`
    /// of each. Only the first 32 distinct terms of the query are used.
    ///
    /// # Errors
    /// [`ChatError::EmptySearch`] if the query has no word to search for, [`ChatError::SearchTooLong`] if it
    /// has more than 1000 characters, [`ChatError::StorageTimeout`] if it takes too long.
    pub async fn search(
        &self,
        user_id: UserId,
        query: &str,
        limit: u32,
    ) -> Result<SearchResults, ChatError> {
        let query = parse(query)?;
        let conversations = &self.core.ports.conversations;
        let titles = conversations.search_titles(user_id, &query, limit).await?;
        let hits = conversations.search(user_id, &query, limit).await?;
        Ok(SearchResults { titles, hits })
    }

    /// Returns the user's conversations with the best matches, at most `limit`: with any of the words, as in the Flask
    /// application. Those with matching titles come first. Considers only the 500 best-matching messages. Conversations
    /// of which only a few-shot example matches come last, with the score 0.
    ///
    /// # Errors
    /// As [`Conversations::search`].
    pub async fn search_conversations(
        &self,
        user_id: UserId,
        query: &str,
        limit: u32,
    ) -> Result<Vec<FoundConversation>, ChatError> {
        let query = SearchQuery { any_word: true, ..parse(query)? };
        let conversations = &self.core.ports.conversations;
        let titles = conversations.search_titles(user_id, &query, limit).await?;
        let best = conversations.search_conversations(user_id, &query, MAX_MESSAGES).await?;
        let all = with_titles_first(best, titles.iter().map(|hit| hit.conversation_id));
        let mut found = Vec::new();
        for (id, score) in all.into_iter().take(usize::try_from(limit).unwrap_or(usize::MAX)) {
            // The conversation may have been deleted concurrently.
            if let Some(conversation) = conversations.find(user_id, id).await? {
                found.push(FoundConversation { conversation, score });
            }
        }
        Ok(found)
    }
}

/// Raises the scores of the conversations with matching titles above all others. Best first.
fn with_titles_first(
    mut scores: Vec<(ConversationId, f64)>,
    titles: impl Iterator<Item = ConversationId>,
) -> Vec<(ConversationId, f64)> {
    let above = scores.first().map_or(0.0, |(_, score)| *score) + 1.0;
    for titled in titles {
        match scores.iter_mut().find(|(id, _)| *id == titled) {
            Some((_, score)) => *score += above,
            None => scores.push((titled, above)),
        }
    }
    scores.sort_by(|(_, a), (_, b)| b.total_cmp(a));
    scores
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
    use webchat_domain::Title;
    use webchat_persistence::Edit;

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
    async fn conversations_with_matching_titles_come_first() {
        let test = TestChat::new().await;
        test.ask_and_answer("What does the moon do?", "It makes the tides.").await;
        let titled =
            test.chat.conversations.start(test.user_id, None).await.unwrap().conversation_id;
        let title = Title::try_from("About tides".to_owned()).unwrap();
        let rename = Edit { title: Some(title), ..Edit::default() };
        test.chat.conversations.edit(test.user_id, titled, rename).await.unwrap();

        let results = test.chat.conversations.search(test.user_id, "tide", 10).await.unwrap();
        let found = test
            .chat
            .conversations
            .search_conversations(test.user_id, "tide sun", 10)
            .await
            .unwrap();

        let with_title: Vec<_> = results.titles.iter().map(|hit| hit.conversation_id).collect();
        assert_eq!(with_title, [titled]);
        assert_eq!(results.hits.len(), 1);
        let ids: Vec<_> = found.iter().map(|found| found.conversation.conversation_id).collect();
        assert_eq!(ids, [titled, test.conversation_id]);
        assert!(found[0].score > found[1].score);
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

        assert_eq!(search(1_000).await.unwrap().hits, []);
        assert_eq!(search(1_001).await.unwrap_err().code(), "search_too_long");
    }
}
