//! Reading messages.
//!
//! Each function reads the messages first and the conversation afterwards. If the conversation is reset or
//! deleted in between, its current state shows which of the messages no longer exist.

use futures_util::TryStreamExt;
use mongodb::bson::doc;
use mongodb::error::Result as MongoResult;
use webchat_domain::{ConversationId, Message, MessageId, UserId};
use webchat_persistence::{ChildMessage, StoreError};

use super::versions::Node;
use crate::database::{MongoDatabase, READ_TIME};
use crate::documents::{MessageDocument, long};
use crate::queries::{find_reset_position, page_of, without_search_terms};

/// Returns the newest messages of the visible path before a position, oldest first.
pub(super) async fn messages(
    database: &MongoDatabase,
    user_id: UserId,
    id: ConversationId,
    before: Option<u64>,
    limit: u32,
) -> Result<Option<Vec<Message>>, StoreError> {
    let messages = database.run(find_newest(database, id, before, limit)).await?;
    let Some(reset_through) = find_reset_position(database, user_id, id).await? else {
        return Ok(None);
    };
    let existing = messages.into_iter().rev().filter(|message| message.position > reset_through);
    Ok(Some(existing.map(Message::from).collect()))
}

pub(super) async fn message(
    database: &MongoDatabase,
    user_id: UserId,
    id: ConversationId,
    message_id: MessageId,
) -> Result<Option<Message>, StoreError> {
    let filter = doc! {
        "message_id": message_id.to_string(),
        "conversation_id": id.to_string(),
        "user_id": user_id.to_string(),
    };
    let messages = database.messages();
    let find = messages.find_one(filter).max_time(READ_TIME).projection(without_search_terms());
    let found = database.run(find).await?;
    let reset_through = find_reset_position(database, user_id, id).await?;
    let (Some(message), Some(reset_through)) = (found, reset_through) else {
        return Ok(None);
    };
    Ok((message.position > reset_through).then(|| message.into()))
}

/// Returns the messages that have one of these parents, oldest first.
pub(super) async fn children(
    database: &MongoDatabase,
    user_id: UserId,
    id: ConversationId,
    parents: &[Option<MessageId>],
) -> Result<Vec<ChildMessage>, StoreError> {
    let found = database.run(find_children(database, user_id, id, parents)).await?;
    let Some(reset_through) = find_reset_position(database, user_id, id).await? else {
        return Ok(Vec::new());
    };
    let existing = found.into_iter().filter(|node| node.position > reset_through);
    Ok(existing.map(ChildMessage::from).collect())
}

/// Returns the newest messages, newest first.
async fn find_newest(
    database: &MongoDatabase,
    id: ConversationId,
    before: Option<u64>,
    limit: u32,
) -> MongoResult<Vec<MessageDocument>> {
    let filter = doc! {
        "conversation_id": id.to_string(),
        "active": true,
        "position": { "$lt": before.map_or(i64::MAX, long) },
    };
    page_of(limit, database.messages().find(filter).sort(doc! { "position": -1 })).await
}

async fn find_children(
    database: &MongoDatabase,
    user_id: UserId,
    id: ConversationId,
    parents: &[Option<MessageId>],
) -> MongoResult<Vec<Node>> {
    let parents: Vec<Option<String>> =
        parents.iter().map(|parent| parent.map(|id| id.to_string())).collect();
    let filter = doc! {
        "conversation_id": id.to_string(),
        "user_id": user_id.to_string(),
        "parent_id": { "$in": parents },
    };
    let messages = database.messages().clone_with_type::<Node>();
    let find = messages
        .find(filter)
        .max_time(READ_TIME)
        .sort(doc! { "position": 1 })
        .projection(Node::projection());
    find.await?.try_collect().await
}
