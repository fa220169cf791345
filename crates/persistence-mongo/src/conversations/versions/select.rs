//! Selecting a version of a message.

use futures_util::TryStreamExt;
use mongodb::bson::doc;
use mongodb::error::Result as MongoResult;
use webchat_domain::{ConversationId, MessageId, Timestamp, UserId};
use webchat_persistence::SelectOutcome;
use webchat_persistence::rules::{self, NewPath, PathNode};

use super::node::{Node, find_node};
use super::path::show_path;
use crate::database::{READ_TIME, Transaction};
use crate::documents::{ConversationDocument, long};
use crate::queries::{by_owner, find_conversation, update_state};

/// Makes the path through a message and its newest descendants visible.
pub(crate) async fn select(
    mut transaction: Transaction<'_>,
    user_id: UserId,
    id: ConversationId,
    message_id: MessageId,
    now: Timestamp,
) -> MongoResult<SelectOutcome> {
    let conversation = find_conversation(&mut transaction, by_owner(user_id, id)).await?;
    let Some(conversation) = conversation else {
        return Ok(SelectOutcome::NotFound);
    };
    let found = find_node(&mut transaction, &conversation, message_id).await?.map(PathNode::from);
    let node = match rules::check_select(found, conversation.state().running_turn(now)) {
        Ok(node) => node,
        Err(unchanged) => return Ok(unchanged),
    };
    let later = find_later(&mut transaction, &conversation, node.position).await?;
    let path = NewPath::through(node, later);
    let state = show_path(&mut transaction, &conversation, path).await?;
    update_state(&mut transaction, &state).await?;
    Ok(SelectOutcome::Visible { changed: true })
}

/// Returns all messages after this position, visible or not, ordered by position. One query reads them all, because a
/// query for each generation would take as many round trips.
async fn find_later(
    transaction: &mut Transaction<'_>,
    conversation: &ConversationDocument,
    position: u64,
) -> MongoResult<Vec<PathNode>> {
    let later = doc! {
        "conversation_id": conversation.conversation_id.to_string(),
        "position": { "$gt": long(position) },
    };
    let messages = transaction.database.messages().clone_with_type::<Node>();
    let find = messages
        .find(later)
        .max_time(READ_TIME)
        .sort(doc! { "position": 1 })
        .projection(Node::projection());
    let mut cursor = find.session(&mut *transaction.session).await?;
    cursor.stream(transaction.session).map_ok(PathNode::from).try_collect().await
}
