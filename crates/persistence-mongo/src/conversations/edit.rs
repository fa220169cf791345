//! Editing what users see of a conversation: its title and whether it is archived.

use mongodb::bson::{Document, doc};
use mongodb::error::Result as MongoResult;
use webchat_domain::{Conversation, ConversationId, Timestamp, Title, UserId};
use webchat_persistence::{Edit, EditOutcome, StoreError, rules};

use crate::database::{MongoDatabase, Transaction};
use crate::documents::date;
use crate::queries::{by_owner, find_conversation};

pub(super) async fn edit(
    mut transaction: Transaction<'_>,
    user_id: UserId,
    id: ConversationId,
    edit: &Edit,
    now: Timestamp,
) -> MongoResult<EditOutcome> {
    let found = find_conversation(&mut transaction, by_owner(user_id, id)).await?;
    let Some(current) = found.map(Conversation::from) else {
        return Ok(EditOutcome::NotFound);
    };
    if let Err(rejected) = rules::check_edit(edit, &current) {
        return Ok(rejected);
    }
    let edited = rules::apply_edit(edit, current, now);
    let conversations = transaction.database.conversations();
    conversations
        .update_one(by_owner(user_id, id), update(&edited))
        .session(transaction.session)
        .await?;
    Ok(EditOutcome::Stored(edited))
}

/// Returns the update of the fields that an edit can change.
fn update(edited: &Conversation) -> Document {
    let mut set = doc! {
        "title": edited.title.as_ref().map(Title::as_str),
        "updated_at": date(edited.updated_at),
    };
    if edited.archived {
        set.insert("archived", true);
        return doc! { "$set": set };
    }
    doc! { "$set": set, "$unset": { "archived": "" } }
}

/// Replaces the title if it is `expected`. Returns `false` if it differs.
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
