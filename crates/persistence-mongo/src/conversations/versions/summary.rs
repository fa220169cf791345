//! Invalidating a summary that no longer fits the visible path.

use mongodb::bson::{Bson, doc};
use mongodb::error::Result as MongoResult;
use serde::Deserialize;
use serde_with::{TryFromInto, serde_as};
use webchat_persistence::rules;

use crate::database::{READ_TIME, Transaction};
use crate::documents::{ConversationDocument, long};
use crate::queries::{by_owner, update_conversation};

/// Drops the summary if it covers the message at this position. The context's revision is increased in any
/// case, so that a summary of the previous path, which may be in progress, is not stored.
pub(crate) async fn invalidate_summary_from(
    transaction: &mut Transaction<'_>,
    conversation: &ConversationDocument,
    position: u64,
) -> MongoResult<()> {
    let revision = rules::next_revision(conversation.context_revision);
    let mut set = doc! { "context_revision": long(revision) };
    let through = find_summary_end(transaction, conversation).await?;
    if through.is_some_and(|through| !rules::is_summary_kept(through, position)) {
        set.insert("context.summary", Bson::Null);
    }
    update_conversation(transaction, conversation, doc! { "$set": set }).await
}

#[derive(Deserialize)]
struct ConversationSummary {
    context: Option<ContextSummary>,
}

#[derive(Deserialize)]
struct ContextSummary {
    summary: Option<SummaryEnd>,
}

#[serde_as]
#[derive(Deserialize)]
struct SummaryEnd {
    #[serde_as(as = "TryFromInto<i64>")]
    through: u64,
}

/// Returns the position of the last message that the conversation's summary covers.
async fn find_summary_end(
    transaction: &mut Transaction<'_>,
    conversation: &ConversationDocument,
) -> MongoResult<Option<u64>> {
    let conversations = transaction.database.conversations().clone_with_type();
    let found: Option<ConversationSummary> = conversations
        .find_one(by_owner(conversation.user_id, conversation.conversation_id))
        .max_time(READ_TIME)
        .projection(doc! { "context.summary.through": 1 })
        .session(&mut *transaction.session)
        .await?;
    let summary = found.and_then(|found| found.context).and_then(|context| context.summary);
    Ok(summary.map(|summary| summary.through))
}
