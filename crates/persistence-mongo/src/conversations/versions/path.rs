//! The visible path, and how another path becomes it.

use mongodb::bson::{Document, deserialize_from_document, doc};
use mongodb::error::Result as MongoResult;
use serde::Deserialize;
use webchat_domain::MessageId;

use super::node::{Node, find_node};
use super::summary::drop_summary_from;
use crate::database::Transaction;
use crate::documents::{ConversationDocument, long};
use crate::queries::update_conversation;

/// A path through the messages that is to become the visible one.
pub(crate) struct Path {
    /// Its last message.
    pub(super) end: Option<MessageId>,
    /// Its messages that are not visible yet.
    pub(super) joining: Vec<Node>,
    /// The position of the last message that it shares with the visible path.
    fork: u64,
}

/// The messages that leave the visible path.
#[derive(Default, Deserialize)]
struct Leaving {
    /// The position of the first of them.
    first: i64,
    count: i64,
    tokens: i64,
}

/// Returns the path that ends in this message, or an empty one for `None`. Looks the messages up one by one
/// until one is visible, which usually is the first.
pub(crate) async fn path_to(
    transaction: &mut Transaction<'_>,
    conversation: &ConversationDocument,
    end: Option<MessageId>,
) -> MongoResult<Path> {
    let mut path = Path { end, joining: Vec::new(), fork: 0 };
    let mut next = end;
    while let Some(message_id) = next
        && let Some(node) = find_node(transaction, conversation, message_id).await?
    {
        if node.active {
            path.fork = node.position;
            break;
        }
        next = node.parent_id;
        path.joining.push(node);
    }
    Ok(path)
}

/// Makes the path the visible one, and updates the conversation's counts.
pub(crate) async fn show(
    transaction: &mut Transaction<'_>,
    conversation: &ConversationDocument,
    path: Path,
) -> MongoResult<()> {
    let left = hide_after(transaction, conversation, path.fork).await?;
    show_all(transaction, &path.joining).await?;
    let count = path.joining.iter().map(|_| 1_i64).sum::<i64>() - left.count;
    let tokens = path.joining.iter().map(|node| node.token_count).sum::<i64>() - left.tokens;
    let change = doc! {
        "$set": { "head": path.end.map(|end| end.to_string()) },
        "$inc": { "message_count": count, "total_tokens": tokens },
    };
    update_conversation(transaction, conversation, change).await
}

/// Hides the visible messages after this position.
async fn hide_after(
    transaction: &mut Transaction<'_>,
    conversation: &ConversationDocument,
    position: u64,
) -> MongoResult<Leaving> {
    // Messages that a reset removed may not be deleted yet.
    let position = position.max(conversation.reset_through);
    let visible = doc! {
        "conversation_id": conversation.conversation_id.to_string(),
        "active": true,
        "position": { "$gt": long(position) },
    };
    let leaving = count(transaction, visible.clone()).await?;
    if leaving.count > 0 {
        let hidden = doc! { "$set": { "active": false } };
        let messages = transaction.database.messages();
        messages.update_many(visible, hidden).session(&mut *transaction.session).await?;
        drop_summary_from(transaction, conversation, leaving.first).await?;
    }
    Ok(leaving)
}

/// Counts the messages and their tokens.
async fn count(transaction: &mut Transaction<'_>, messages: Document) -> MongoResult<Leaving> {
    let group = doc! { "$group": {
        "_id": null,
        "first": { "$min": "$position" },
        "count": { "$sum": 1_i64 },
        "tokens": { "$sum": "$token_count" },
    } };
    let collection = transaction.database.messages();
    let counting = collection.aggregate([doc! { "$match": messages }, group]);
    let mut counted = counting.session(&mut *transaction.session).await?;
    match counted.next(transaction.session).await.transpose()? {
        Some(counted) => Ok(deserialize_from_document(counted)?),
        None => Ok(Leaving::default()),
    }
}

/// Makes the messages visible.
async fn show_all(transaction: &mut Transaction<'_>, nodes: &[Node]) -> MongoResult<()> {
    if nodes.is_empty() {
        return Ok(());
    }
    let ids: Vec<String> = nodes.iter().map(|node| node.message_id.to_string()).collect();
    let (filter, shown) =
        (doc! { "message_id": { "$in": ids } }, doc! { "$set": { "active": true } });
    let messages = transaction.database.messages();
    messages.update_many(filter, shown).session(&mut *transaction.session).await?;
    Ok(())
}
