//! Editing a conversation: its title, and whether it is archived.

use mongodb::bson::doc;
use mongodb::error::Result as MongoResult;
use webchat_domain::{ConversationId, Title, UserId};
use webchat_persistence::{Edit, EditOutcome, StoreError, rules};

use crate::database::{MongoDatabase, Transaction};
use crate::queries::{by_owner, find_conversation, update_state};

pub(super) async fn edit(
    mut transaction: Transaction<'_>,
    user_id: UserId,
    id: ConversationId,
    edit: &Edit,
) -> MongoResult<EditOutcome> {
    let found = find_conversation(&mut transaction, by_owner(user_id, id)).await?;
    let Some(mut state) = found.map(|document| document.state()) else {
        return Ok(EditOutcome::NotFound);
    };
    if let Err(rejected) = rules::check_edit(edit, &state.conversation) {
        return Ok(rejected);
    }
    state.conversation = rules::apply_edit(edit, state.conversation);
    update_state(&mut transaction, &state).await?;
    Ok(EditOutcome::Stored(state.conversation))
}

/// Replaces the title if it is `expected`. Returns `false` if it differs.
pub(super) async fn replace_title_if(
    database: &MongoDatabase,
    user_id: UserId,
    id: ConversationId,
    expected: &Title,
    title: Option<&Title>,
) -> Result<bool, StoreError> {
    let mut filter = by_owner(user_id, id);
    filter.insert("title", expected.as_str());
    let update = doc! { "$set": { "title": title.map(Title::as_str) } };
    let conversations = database.conversations();
    let updated = conversations.update_one(filter, update);
    Ok(database.run(updated).await?.matched_count > 0)
}
