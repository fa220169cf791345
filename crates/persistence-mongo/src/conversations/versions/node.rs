//! Messages as nodes of a conversation's tree.

use mongodb::bson::{Document, doc};
use mongodb::error::Result as MongoResult;
use serde::Deserialize;
use serde_with::{DisplayFromStr, TryFromInto, serde_as};
use webchat_domain::{MessageId, Role};
use webchat_persistence::ChildMessage;
use webchat_persistence::rules::PathNode;

use crate::database::{READ_TIME, Transaction};
use crate::documents::{ConversationDocument, long};

/// The fields of a message that are needed for paths.
#[serde_as]
#[derive(Clone, Deserialize)]
pub(crate) struct Node {
    #[serde_as(as = "DisplayFromStr")]
    message_id: MessageId,
    #[serde_as(as = "Option<DisplayFromStr>")]
    parent_id: Option<MessageId>,
    role: Role,
    #[serde_as(as = "TryFromInto<i64>")]
    pub(crate) position: u64,
    #[serde_as(as = "TryFromInto<i64>")]
    token_count: u32,
    active: bool,
}

impl Node {
    pub(crate) fn projection() -> Document {
        doc! {
            "_id": 0, "message_id": 1, "parent_id": 1, "role": 1, "position": 1, "token_count": 1,
            "active": 1,
        }
    }
}

impl From<Node> for PathNode {
    fn from(node: Node) -> Self {
        Self {
            message_id: node.message_id,
            parent_id: node.parent_id,
            position: node.position,
            token_count: node.token_count,
            is_active: node.active,
        }
    }
}

impl From<Node> for ChildMessage {
    fn from(node: Node) -> Self {
        Self { message_id: node.message_id, parent_id: node.parent_id, role: node.role }
    }
}

/// Returns the position of the conversation's head, or 0 without one.
pub(crate) async fn head_position(
    transaction: &mut Transaction<'_>,
    conversation: &ConversationDocument,
) -> MongoResult<u64> {
    let Some(head) = conversation.head else { return Ok(0) };
    let head = find_node(transaction, conversation, head).await?;
    Ok(head.map_or(0, |head| head.position))
}

/// Returns the message, unless a reset has removed it.
pub(crate) async fn find_node(
    transaction: &mut Transaction<'_>,
    conversation: &ConversationDocument,
    message_id: MessageId,
) -> MongoResult<Option<Node>> {
    let existing = doc! {
        "message_id": message_id.to_string(),
        "conversation_id": conversation.conversation_id.to_string(),
        "position": { "$gt": long(conversation.reset_through) },
    };
    let messages = transaction.database.messages().clone_with_type::<Node>();
    let find = messages.find_one(existing).max_time(READ_TIME).projection(Node::projection());
    find.session(&mut *transaction.session).await
}
