//! Editing what users see of a conversation: its title and whether it is archived.

use mongodb::bson::{Document, doc};
use mongodb::options::ReturnDocument;
use webchat_domain::{Conversation, ConversationId, Timestamp, Title, UserId};
use webchat_persistence::{Edit, EditOutcome, StoreError};

use crate::database::MongoDatabase;
use crate::documents::{CONVERSATION_SCHEMA, date, long};
use crate::queries::{by_owner, find_by_owner, without_context};

pub(super) async fn edit(
    database: &MongoDatabase,
    user_id: UserId,
    id: ConversationId,
    edit: Edit,
    now: Timestamp,
) -> Result<EditOutcome, StoreError> {
    let mut filter = by_owner(user_id, id);
    if let Some(expected) = &edit.expected {
        filter.extend(unchanged(expected));
    }
    let conversations = database.conversations();
    let edited = conversations
        .find_one_and_update(filter, update(&edit, now))
        .projection(without_context())
        .return_document(ReturnDocument::After);
    if let Some(edited) = database.run(edited).await? {
        return Ok(EditOutcome::Stored(edited.into()));
    }
    let exists = edit.expected.is_some() && find_by_owner(database, user_id, id).await?.is_some();
    Ok(if exists { EditOutcome::Conflict } else { EditOutcome::NotFound })
}

/// Replaces the title if it is `expected`. Returns `false` if it is another one.
pub(super) async fn replace_title_if(
    database: &MongoDatabase,
    user_id: UserId,
    id: ConversationId,
    expected: &Title,
    title: &Title,
) -> Result<bool, StoreError> {
    let mut filter = by_owner(user_id, id);
    filter.insert("title", expected.as_str());
    let update = doc! { "$set": { "title": title.as_str() } };
    let conversations = database.conversations();
    let updated = conversations.update_one(filter, update);
    Ok(database.run(updated).await?.matched_count > 0)
}

/// Matches the conversation only if everything that users see of it is unchanged.
fn unchanged(conversation: &Conversation) -> Document {
    doc! {
        "title": conversation.title.as_ref().map(Title::as_str),
        "created_at": date(conversation.created_at),
        "updated_at": date(conversation.updated_at),
        "message_count": long(conversation.message_count),
        "total_tokens": long(conversation.total_tokens),
        "archived": archived_value(conversation.archived),
    }
}

/// Returns the value that matches archived or active conversations: a filter for null also matches a
/// missing field.
pub(super) fn archived_value(archived: bool) -> Option<bool> {
    archived.then_some(true)
}

/// Returns the update of an edit.
fn update(edit: &Edit, now: Timestamp) -> Document {
    // A field that never changes, as an update without fields would be invalid.
    let mut set = doc! { "schema": CONVERSATION_SCHEMA };
    if let Some(title) = &edit.title {
        set.insert("title", title.as_str());
        set.insert("updated_at", date(now));
    }
    match edit.archived {
        None => doc! { "$set": set },
        Some(true) => {
            set.insert("archived", true);
            doc! { "$set": set }
        }
        Some(false) => doc! { "$set": set, "$unset": { "archived": "" } },
    }
}
