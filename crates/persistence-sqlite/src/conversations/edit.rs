//! Editing and resetting a conversation.

use rusqlite::Transaction;
use webchat_domain::{ConversationId, Timestamp, UserId};
use webchat_persistence::{Edit, EditOutcome, rules};

use crate::deletion::removals;
use crate::{contexts, files, rows};

pub(super) fn edit(
    transaction: &Transaction<'_>,
    user_id: UserId,
    id: ConversationId,
    edit: &Edit,
) -> rusqlite::Result<EditOutcome> {
    let Some(mut state) = rows::find_state(transaction, user_id, id)? else {
        return Ok(EditOutcome::NotFound);
    };
    if let Err(rejected) = rules::check_edit(edit, &state.conversation) {
        return Ok(rejected);
    }
    state.conversation = rules::apply_edit(edit, state.conversation);
    rows::update_state(transaction, &state)?;
    Ok(EditOutcome::Stored(state.conversation))
}

pub(super) fn reset(
    transaction: &Transaction<'_>,
    user_id: UserId,
    id: ConversationId,
    now: Timestamp,
) -> rusqlite::Result<bool> {
    let Some(state) = rows::find_state(transaction, user_id, id)? else { return Ok(false) };
    rows::update_state(transaction, &rules::reset(state, now))?;
    removals::reset(transaction, id)?;
    contexts::reset(transaction, id)?;
    files::delete_all(transaction, &id.to_simple())?;
    Ok(true)
}
