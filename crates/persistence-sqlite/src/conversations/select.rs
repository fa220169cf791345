//! Selecting another version, and finding the children of messages.

use rusqlite::{Transaction, params};
use webchat_domain::{ConversationId, MessageId, Timestamp, UserId};
use webchat_persistence::{ChildMessage, SelectOutcome, StoreError, rules};

use super::path::find_node;
use super::path_change::PathChange;
use crate::database::Database;
use crate::rows::{self, Columns};

/// The maximum number of attempts to select a version while concurrent requests change the conversation.
const MAX_ATTEMPTS: u32 = 5;

pub(super) async fn select(
    database: &Database,
    user_id: UserId,
    id: ConversationId,
    message_id: MessageId,
    now: Timestamp,
) -> Result<SelectOutcome, StoreError> {
    let find =
        move |transaction: &Transaction<'_>| find_change(transaction, user_id, id, message_id, now);
    for _ in 0..MAX_ATTEMPTS {
        let change = match database.read_for(user_id, find).await? {
            Ok(change) => change,
            Err(outcome) => return Ok(outcome),
        };
        if change.apply(database, now).await? {
            return Ok(SelectOutcome::Visible { changed: true });
        }
    }
    Err(StoreError::timeout("the conversation kept changing"))
}

/// Finds the change that makes the message visible. The inner error is the outcome if the message
/// can't be selected or need not be.
fn find_change(
    transaction: &Transaction<'_>,
    user_id: UserId,
    id: ConversationId,
    message_id: MessageId,
    now: Timestamp,
) -> rusqlite::Result<Result<PathChange, SelectOutcome>> {
    let Some(state) = rows::find_state(transaction, user_id, id)? else {
        return Ok(Err(SelectOutcome::NotFound));
    };
    let found = find_node(transaction, id, message_id)?;
    match rules::check_select(found, state.running_turn(now)) {
        Ok(message) => PathChange::to_message(transaction, user_id, &state, message).map(Ok),
        Err(outcome) => Ok(Err(outcome)),
    }
}

pub(super) fn children(
    transaction: &Transaction<'_>,
    user_id: UserId,
    id: ConversationId,
    parents: &[Option<MessageId>],
) -> rusqlite::Result<Vec<ChildMessage>> {
    let ids: Vec<String> = parents.iter().flatten().copied().map(MessageId::to_simple).collect();
    let ids = serde_json::to_string(&ids).map_err(rows::invalid)?;
    transaction
        .prepare_cached(
            "SELECT message_id, parent_id, role FROM (
                 SELECT message_id, parent_id, role, position FROM live_messages
                 WHERE conversation_id = ?1 AND user_id = ?2
                     AND parent_id IN (SELECT value FROM json_each(?3))
                 UNION ALL
                 SELECT message_id, parent_id, role, position FROM live_messages
                 WHERE conversation_id = ?1 AND user_id = ?2 AND parent_id IS NULL AND ?4)
             ORDER BY position",
        )?
        .query_map(
            params![id.to_simple(), user_id.to_simple(), ids, parents.contains(&None)],
            rows::read(child_message),
        )?
        .collect()
}

fn child_message(columns: &mut Columns<'_>) -> rusqlite::Result<ChildMessage> {
    Ok(ChildMessage {
        message_id: columns.parsed()?,
        parent_id: columns.parsed_option()?,
        role: columns.enum_value()?,
    })
}
