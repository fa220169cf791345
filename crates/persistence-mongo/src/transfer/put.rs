//! Replacing conversations and messages.

use std::collections::BTreeSet;

use mongodb::bson::{DateTime, Document, doc, serialize_to_document};
use mongodb::error::Result as MongoResult;
use webchat_domain::ConversationId;

use crate::database::Transaction;
use crate::documents::{ConversationDocument, MessageDocument};
use crate::queries::{by_id, find_conversation};

/// Returns the upsert that replaces a conversation with the same id, except its running turn.
pub(super) fn upsert(conversation: &ConversationDocument) -> MongoResult<Document> {
    let mut document = serialize_to_document(conversation)?;
    for name in ["running_turn", "lease_until", "compacting_until", "context_revision"] {
        document.remove(name);
    }
    let none = Option::<DateTime>::None;
    let mut upsert = doc! {
        "$set": document,
        "$setOnInsert": {
            "running_turn": none, "lease_until": none, "compacting_until": none,
        },
        "$inc": { "context_revision": 1_i64 },
    };
    if !conversation.archived {
        upsert.insert("$unset", doc! { "archived": "" });
    }
    Ok(upsert)
}

/// Replaces messages. Returns `false` if the conversation of one of them does not exist.
pub(super) async fn put_messages(
    mut transaction: Transaction<'_>,
    messages: &[MessageDocument],
) -> MongoResult<bool> {
    let conversations: BTreeSet<ConversationId> =
        messages.iter().map(|message| message.conversation_id).collect();
    for id in conversations {
        if find_conversation(&mut transaction, by_id(id)).await?.is_none() {
            return Ok(false);
        }
    }
    let ids: Vec<String> = messages.iter().map(|message| message.message_id.to_string()).collect();
    let replaced = doc! { "message_id": { "$in": ids } };
    let collection = transaction.database.messages();
    collection.delete_many(replaced).session(&mut *transaction.session).await?;
    collection.insert_many(messages).session(transaction.session).await?;
    Ok(true)
}
