//! Listing and counting a user's conversations.

use mongodb::bson::{Document, doc};
use mongodb::error::Result as MongoResult;
use webchat_domain::{Conversation, UserId};
use webchat_persistence::{ArchiveFilter, Cursor, ListOrder, Page, rules};

use crate::database::MongoDatabase;
use crate::documents::{CONVERSATION_SCHEMA_VERSION, date};
use crate::queries::{at_most, without_context};

/// Returns a page of the user's conversations, newest first.
pub(super) async fn list(
    database: &MongoDatabase,
    user_id: UserId,
    filter: ArchiveFilter,
    order: ListOrder,
    after: Option<Cursor>,
    limit: u32,
) -> MongoResult<Page<Conversation>> {
    let field = match order {
        ListOrder::Created => "created_at",
        ListOrder::Updated => "updated_at",
    };
    let mut query = of_user(user_id);
    let archived = match filter {
        ArchiveFilter::All => None,
        ArchiveFilter::Active => Some(false),
        ArchiveFilter::Archived => Some(true),
    };
    if let Some(archived) = archived {
        query.insert("archived", archived_value(archived));
        // Conversations that are not empty.
        query.insert("$nor", [doc! { "message_count": 0, "title": null }]);
    }
    if let Some(Cursor { at, id }) = after {
        query.insert(field, doc! { "$lte": date(at) });
        let earlier = doc! { field: { "$lt": date(at) } };
        let same_time = doc! { "conversation_id": { "$lt": id.to_string() } };
        query.insert("$or", [earlier, same_time]);
    }
    let conversations = database.conversations();
    let find = conversations
        .find(query)
        .sort(doc! { field: -1, "conversation_id": -1 })
        .projection(without_context());
    let found = at_most(rules::items_to_read(limit), find).await?;
    let items = found.into_iter().map(Conversation::from).collect();
    Ok(rules::build_page(items, order, limit))
}

/// Returns the number of the user's conversations.
pub(super) async fn count(database: &MongoDatabase, user_id: UserId) -> MongoResult<u64> {
    database.conversations().count_documents(of_user(user_id)).await
}

fn of_user(user_id: UserId) -> Document {
    doc! { "user_id": user_id.to_string(), "schema": CONVERSATION_SCHEMA_VERSION }
}

/// Returns the value that matches archived or active conversations: a query for null also matches a missing field.
fn archived_value(archived: bool) -> Option<bool> {
    archived.then_some(true)
}
