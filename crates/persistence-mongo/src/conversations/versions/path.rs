//! Making another path visible.

use mongodb::bson::{Document, deserialize_from_document, doc};
use mongodb::error::Result as MongoResult;
use serde::Deserialize;
use webchat_persistence::rules::{self, ConversationState, HiddenMessages, NewPath};

use super::node::find_node;
use super::summary::invalidate_summary_from;
use crate::database::{READ_TIME, Transaction};
use crate::documents::{ConversationDocument, long};

/// Makes the path visible. Returns the conversation's new state, which the caller writes.
pub(crate) async fn show_path(
    transaction: &mut Transaction<'_>,
    conversation: &ConversationDocument,
    mut path: NewPath,
) -> MongoResult<ConversationState> {
    while let Some(message_id) = path.missing_ancestor()
        && let Some(node) = find_node(transaction, conversation, message_id).await?
    {
        path.add_ancestor(node.into());
    }
    let hidden = hide_after(transaction, conversation, path.branch_position()).await?;
    show_messages(transaction, &path).await?;
    Ok(rules::show_path(conversation.state(), &path, &hidden))
}

/// Hides the visible messages after this position.
async fn hide_after(
    transaction: &mut Transaction<'_>,
    conversation: &ConversationDocument,
    position: u64,
) -> MongoResult<HiddenMessages> {
    // Messages that a reset removed may not be deleted yet.
    let position = position.max(conversation.reset_through);
    let visible = doc! {
        "conversation_id": conversation.conversation_id.to_string(),
        "active": true,
        "position": { "$gt": long(position) },
    };
    let hidden = count(transaction, visible.clone()).await?;
    if let Some(first_position) = hidden.first_position {
        let hide = doc! { "$set": { "active": false } };
        let messages = transaction.database.messages();
        messages.update_many(visible, hide).session(&mut *transaction.session).await?;
        invalidate_summary_from(transaction, conversation, first_position).await?;
    }
    Ok(hidden)
}

/// The result of counting messages.
#[derive(Deserialize)]
struct Counts {
    /// The position of the first message.
    first: i64,
    count: i64,
    tokens: i64,
}

/// Counts the messages and their tokens.
async fn count(
    transaction: &mut Transaction<'_>,
    messages: Document,
) -> MongoResult<HiddenMessages> {
    let group = doc! { "$group": {
        "_id": null,
        "first": { "$min": "$position" },
        "count": { "$sum": 1_i64 },
        "tokens": { "$sum": "$token_count" },
    } };
    let collection = transaction.database.messages();
    let aggregate = collection.aggregate([doc! { "$match": messages }, group]).max_time(READ_TIME);
    let mut cursor = aggregate.session(&mut *transaction.session).await?;
    let Some(counts) = cursor.next(transaction.session).await.transpose()? else {
        return Ok(HiddenMessages::default());
    };
    let Counts { first, count, tokens } = deserialize_from_document(counts)?;
    Ok(HiddenMessages {
        first_position: u64::try_from(first).ok(),
        message_count: count,
        total_tokens: tokens,
    })
}

/// Makes the hidden messages of the path visible.
async fn show_messages(transaction: &mut Transaction<'_>, path: &NewPath) -> MongoResult<()> {
    let ids: Vec<String> = path.newly_visible().map(|id| id.to_string()).collect();
    if ids.is_empty() {
        return Ok(());
    }
    let (filter, shown) =
        (doc! { "message_id": { "$in": ids } }, doc! { "$set": { "active": true } });
    let messages = transaction.database.messages();
    messages.update_many(filter, shown).session(&mut *transaction.session).await?;
    Ok(())
}
