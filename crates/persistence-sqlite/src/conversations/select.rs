//! Making another version visible, and finding versions.

use rusqlite::{Row, Transaction, params};
use webchat_domain::{ConversationId, MessageId, Timestamp, UserId};
use webchat_persistence::rules::{self, NewPath};
use webchat_persistence::{ChildMessage, SelectOutcome};

use super::head::Head;
use super::path::{find_node, later_nodes, show};
use crate::rows;

pub(super) fn select(
    transaction: &Transaction<'_>,
    user_id: UserId,
    id: ConversationId,
    message_id: MessageId,
    now: Timestamp,
) -> rusqlite::Result<SelectOutcome> {
    let Some(head) = Head::find(transaction, user_id, id, now)? else {
        return Ok(SelectOutcome::NotFound);
    };
    let node = find_node(transaction, id, message_id)?;
    let is_active = node.map(|node| node.is_active);
    if let Err(unchanged) = rules::check_select(is_active, head.running_turn) {
        return Ok(unchanged);
    }
    let Some(node) = node else { return Ok(SelectOutcome::NotFound) };
    let mut path = NewPath::to(node.parent_id);
    path.extend(rules::newest_descendants(node, later_nodes(transaction, id, node.position)?));
    show(transaction, id, path)?;
    transaction
        .prepare_cached("UPDATE conversations SET updated_at = ?2 WHERE conversation_id = ?1")?
        .execute(params![id.to_simple(), now.unix_millis()])?;
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
            "SELECT message_id, parent_id, role, position FROM messages
             WHERE conversation_id = ?1 AND user_id = ?2
                 AND parent_id IN (SELECT value FROM json_each(?3))
             UNION ALL
             SELECT message_id, parent_id, role, position FROM messages
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
        role: rows::role(row)?,
    })
}
