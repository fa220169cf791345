//! Selecting a version of a message.

use std::collections::HashMap;

use mongodb::bson::doc;
use mongodb::error::Result as MongoResult;
use webchat_domain::{ConversationId, MessageId, Timestamp, UserId};
use webchat_persistence::SelectOutcome;

use super::node::{Node, find_node};
use super::path::{path_to, show};
use crate::conversations::turns::turn_runs;
use crate::database::Transaction;
use crate::documents::{ConversationDocument, date, long};
use crate::queries::{by_owner, find_conversation, update_conversation};

/// Makes the path to a message the visible one; it continues with the newest descendants.
pub(crate) async fn select(
    mut transaction: Transaction<'_>,
    user_id: UserId,
    id: ConversationId,
    message_id: MessageId,
    now: Timestamp,
) -> MongoResult<SelectOutcome> {
    let Some(conversation) = find_conversation(&mut transaction, by_owner(user_id, id)).await?
    else {
        return Ok(SelectOutcome::NotFound);
    };
    let Some(message) = find_node(&mut transaction, &conversation, message_id).await? else {
        return Ok(SelectOutcome::NotFound);
    };
    if message.active {
        return Ok(SelectOutcome::Visible { changed: false });
    }
    if turn_runs(&conversation, now) {
        return Ok(SelectOutcome::TurnInProgress);
    }
    let mut path = path_to(&mut transaction, &conversation, message.parent_id).await?;
    let newest = newest_from(&mut transaction, &conversation, message).await?;
    path.end = newest.last().map(|last| last.message_id);
    path.joining.extend(newest);
    show(&mut transaction, &conversation, path).await?;
    let change = doc! { "$set": { "updated_at": date(now) } };
    update_conversation(&mut transaction, &conversation, change).await?;
    Ok(SelectOutcome::Visible { changed: true })
}

/// Returns the message and its newest child, and the newest child of that, and so on.
async fn newest_from(
    transaction: &mut Transaction<'_>,
    conversation: &ConversationDocument,
    message: Node,
) -> MongoResult<Vec<Node>> {
    // All later messages in one query: one query for each message would take as many round trips.
    let later = doc! {
        "conversation_id": conversation.conversation_id.to_string(),
        "position": { "$gt": long(message.position) },
    };
    let messages = transaction.database.messages().clone_with_type::<Node>();
    let find = messages.find(later).sort(doc! { "position": 1 }).projection(Node::projection());
    let mut found = find.session(&mut *transaction.session).await?;
    let mut newest: HashMap<MessageId, Node> = HashMap::new();
    while let Some(node) = found.next(transaction.session).await.transpose()? {
        if let Some(parent_id) = node.parent_id {
            newest.insert(parent_id, node);
        }
    }
    let mut path = vec![message];
    while let Some(next) = path.last().and_then(|last| newest.remove(&last.message_id)) {
        path.push(next);
    }
    Ok(path)
}
