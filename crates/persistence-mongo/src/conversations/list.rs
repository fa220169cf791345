//! Listing a user's conversations.

use mongodb::bson::doc;
use mongodb::error::Result as MongoResult;
use webchat_domain::{Conversation, Timestamp, UserId};
use webchat_persistence::{ArchiveFilter, Cursor, ListOrder, Page};

use super::edit::archived_value;
use crate::database::MongoDatabase;
use crate::documents::{CONVERSATION_SCHEMA, date};
use crate::queries::{at_most, without_context};

/// Returns a page of the user's conversations, newest first.
pub(super) async fn list(
    database: &MongoDatabase,
    user_id: UserId,
    archived: ArchiveFilter,
    order: ListOrder,
    after: Option<Cursor>,
    limit: u32,
) -> MongoResult<Page<Conversation>> {
    let (field, time): (_, fn(&Conversation) -> Timestamp) = match order {
        ListOrder::Created => ("created_at", |conversation| conversation.created_at),
        ListOrder::Updated => ("updated_at", |conversation| conversation.updated_at),
    };
    let mut filter = doc! { "user_id": user_id.to_string(), "schema": CONVERSATION_SCHEMA };
    match archived {
        ArchiveFilter::All => {}
        ArchiveFilter::Active => drop(filter.insert("archived", archived_value(false))),
        ArchiveFilter::Archived => drop(filter.insert("archived", archived_value(true))),
    }
    if let Some(Cursor { at, id }) = after {
        filter.insert(field, doc! { "$lte": date(at) });
        let earlier = doc! { field: { "$lt": date(at) } };
        let same_time = doc! { "conversation_id": { "$lt": id.to_string() } };
        filter.insert("$or", [earlier, same_time]);
    }
    let conversations = database.conversations();
    let find = conversations
        .find(filter)
        .sort(doc! { field: -1, "conversation_id": -1 })
        .projection(without_context());
    let found = at_most(limit.saturating_add(1), find).await?;
    let mut items: Vec<_> = found.into_iter().map(Conversation::from).collect();
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let is_last = items.len() <= limit;
    items.truncate(limit);
    let next = items
        .last()
        .filter(|_| !is_last)
        .map(|last| Cursor { at: time(last), id: last.conversation_id });
    Ok(Page { items, next })
}
