//! Making another version visible, and finding versions.

use rusqlite::{Row, Transaction, params};
use webchat_domain::{ConversationId, MessageId, Timestamp, UserId};
use webchat_persistence::rules::{self, NewPath};
use webchat_persistence::{ChildMessage, SelectOutcome};

use super::path::{find_node, later_nodes, show};
use crate::rows;

pub(super) fn select(
    transaction: &Transaction<'_>,
    user_id: UserId,
    id: ConversationId,
    message_id: MessageId,
    now: Timestamp,
) -> rusqlite::Result<SelectOutcome> {
    let Some(state) = rows::find_state(transaction, user_id, id)? else {
        return Ok(SelectOutcome::NotFound);
    };
    let found = find_node(transaction, id, message_id)?;
    let node = match rules::check_select(found, state.running_turn(now)) {
        Ok(node) => node,
        Err(unchanged) => return Ok(unchanged),
    };
    let path = NewPath::through(node, later_nodes(transaction, id, node.position)?);
    let state = show(transaction, state, path)?.updated(now);
    rows::update_state(transaction, &state)?;
    Ok(SelectOutcome::Visible { changed: true })
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
            "SELECT message_id, parent_id, role, position FROM live_messages
             WHERE conversation_id = ?1 AND user_id = ?2
                 AND parent_id IN (SELECT value FROM json_each(?3))
             UNION ALL
             SELECT message_id, parent_id, role, position FROM live_messages
             WHERE conversation_id = ?1 AND user_id = ?2 AND parent_id IS NULL AND ?4
             ORDER BY position",
        )?
        .query_map(
            params![id.to_simple(), user_id.to_simple(), ids, parents.contains(&None)],
            child_message,
        )?
        .collect()
}

fn child_message(row: &Row<'_>) -> rusqlite::Result<ChildMessage> {
    Ok(ChildMessage {
        message_id: rows::parsed(row, "message_id")?,
        parent_id: rows::parsed_option(row, "parent_id")?,
        role: rows::enum_value(row, "role")?,
    })
}
