//! Finds conversations by their titles.

use futures_util::TryStreamExt;
use mongodb::bson::doc;
use mongodb::error::Result as MongoResult;
use webchat_domain::{SearchQuery, TitleHit, UserId};
use webchat_persistence::search::{MAX_SEARCHED_TITLES, Terms, TitleMatches};

use crate::database::{MongoDatabase, SEARCH_TIME};
use crate::documents::CONVERSATION_SCHEMA_VERSION;
use crate::queries::without_context;

/// Returns the conversations whose titles match, the last updated ones first.
pub(crate) async fn search_titles(
    database: &MongoDatabase,
    user_id: UserId,
    query: &SearchQuery,
    limit: u32,
) -> MongoResult<Vec<TitleHit>> {
    let terms = Terms::of(query);
    let mut matches = TitleMatches::of(&terms, limit);
    let filter = doc! {
        "user_id": user_id.to_string(),
        "schema": CONVERSATION_SCHEMA_VERSION,
        "title": { "$type": "string" },
    };
    let mut conversations = database
        .conversations()
        .find(filter)
        .projection(without_context())
        .sort(doc! { "updated_at": -1, "conversation_id": -1 })
        .limit(MAX_SEARCHED_TITLES.into())
        .max_time(SEARCH_TIME)
        .await?;
    while !matches.is_full()
        && let Some(conversation) = conversations.try_next().await?
    {
        if let Some(title) = &conversation.title {
            matches.add(conversation.conversation_id, conversation.updated_at, title.as_str());
        }
    }
    Ok(matches.into_hits())
}
