//! Messages as nodes of a conversation's tree.

use mongodb::bson::{Document, doc};
use mongodb::error::Result as MongoResult;
use serde::Deserialize;
use serde_with::{DisplayFromStr, TryFromInto, serde_as};
use webchat_domain::{MessageId, Role};
use webchat_persistence::ChildMessage;

use crate::database::Transaction;
use crate::documents::{ConversationDocument, long};

/// A message without its text.
#[serde_as]
#[derive(Clone, Deserialize)]
pub(crate) struct Node {
    #[serde_as(as = "DisplayFromStr")]
    pub(super) message_id: MessageId,
    #[serde_as(as = "Option<DisplayFromStr>")]
    pub(crate) parent_id: Option<MessageId>,
    role: Role,
    #[serde_as(as = "TryFromInto<i64>")]
    pub(crate) position: u64,
    pub(super) token_count: i64,
    pub(super) active: bool,
}

impl Node {
    pub(crate) fn projection() -> Document {
        doc! {
            "_id": 0, "message_id": 1, "parent_id": 1, "role": 1, "position": 1, "token_count": 1,
            "active": 1,
        }
    }
}

impl From<Node> for ChildMessage {
    fn from(node: Node) -> Self {
        Self { message_id: node.message_id, parent_id: node.parent_id, role: node.role }
    }
}

/// Returns the position of the last message of the visible path, or 0 if the path is empty.
pub(crate) async fn end_position(
    transaction: &mut Transaction<'_>,
    conversation: &ConversationDocument,
) -> MongoResult<u64> {
    let Some(head) = conversation.head else { return Ok(0) };
    let end = find_node(transaction, conversation, head).await?;
    Ok(end.map_or(0, |end| end.position))
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
    let found = messages.find_one(existing).projection(Node::projection());
    found.session(&mut *transaction.session).await
}
