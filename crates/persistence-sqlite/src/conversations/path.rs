//! The visible path of a conversation.

use rusqlite::{OptionalExtension, Transaction, params};
use webchat_domain::{ConversationId, MessageId};
use webchat_persistence::rules::{self, ConversationState, HiddenMessages, NewPath, PathNode};

use crate::contexts;
use crate::rows::{self, Columns};

/// The columns of a [`PathNode`].
pub(super) const NODE: &str = "message_id, parent_id, position, token_count, active";

/// Makes the path visible. Returns the conversation's new state, which the caller writes.
pub(super) fn show(
    transaction: &Transaction<'_>,
    state: ConversationState,
    mut path: NewPath,
) -> rusqlite::Result<ConversationState> {
    let id = state.conversation.conversation_id;
    load_ancestors(transaction, id, &mut path)?;
    let hidden = visible_after(transaction, id, path.branch_position())?;
    hide(transaction, id, &hidden)?;
    show_nodes(transaction, path.newly_visible())?;
    Ok(rules::show_path(state, &path, &hidden))
}

/// Loads the missing ancestors of the path, up to the visible path.
pub(super) fn load_ancestors(
    transaction: &Transaction<'_>,
    id: ConversationId,
    path: &mut NewPath,
) -> rusqlite::Result<()> {
    while let Some(message_id) = path.missing_ancestor()
        && let Some(node) = find_node(transaction, id, message_id)?
    {
        path.add_ancestor(node);
    }
    Ok(())
}

pub(super) fn find_node(
    transaction: &Transaction<'_>,
    id: ConversationId,
    message_id: MessageId,
) -> rusqlite::Result<Option<PathNode>> {
    transaction
        .prepare_cached(&format!(
            "SELECT {NODE} FROM live_messages WHERE conversation_id = ?1 AND message_id = ?2"
        ))?
        .query_row([id.to_simple(), message_id.to_simple()], rows::read(node))
        .optional()
}

/// Returns all messages after this position, visible or not, ordered by position.
pub(super) fn later_nodes(
    transaction: &Transaction<'_>,
    id: ConversationId,
    position: u64,
) -> rusqlite::Result<Vec<PathNode>> {
    transaction
        .prepare_cached(&format!(
            "SELECT {NODE} FROM live_messages
             WHERE conversation_id = ?1 AND position > ?2 ORDER BY position"
        ))?
        .query_map(params![id.to_simple(), position], rows::read(node))?
        .collect()
}

pub(super) fn node(columns: &mut Columns<'_>) -> rusqlite::Result<PathNode> {
    Ok(PathNode {
        message_id: columns.parsed()?,
        parent_id: columns.parsed_option()?,
        position: columns.value()?,
        token_count: columns.value()?,
        is_active: columns.value()?,
    })
}

/// Counts the visible messages after this position.
fn visible_after(
    transaction: &Transaction<'_>,
    id: ConversationId,
    position: u64,
) -> rusqlite::Result<HiddenMessages> {
    transaction
        .prepare_cached(
            "SELECT min(position), count(*), coalesce(sum(token_count), 0) FROM live_messages
             WHERE conversation_id = ?1 AND active = 1 AND position > ?2",
        )?
        .query_row(params![id.to_simple(), position], |row| {
            Ok(HiddenMessages {
                first_position: row.get(0)?,
                message_count: row.get(1)?,
                total_tokens: row.get(2)?,
            })
        })
}

/// Hides these messages, which are the last ones of the visible path.
pub(super) fn hide(
    transaction: &Transaction<'_>,
    id: ConversationId,
    messages: &HiddenMessages,
) -> rusqlite::Result<()> {
    let Some(first_position) = messages.first_position else { return Ok(()) };
    transaction
        .prepare_cached(
            "UPDATE messages SET active = 0 WHERE id IN (
                 SELECT id FROM live_messages
                 WHERE conversation_id = ?1 AND active = 1 AND position >= ?2)",
        )?
        .execute(params![id.to_simple(), first_position])?;
    contexts::drop_summary_covering(transaction, id, first_position)
}

pub(super) fn show_nodes(
    transaction: &Transaction<'_>,
    nodes: impl Iterator<Item = MessageId>,
) -> rusqlite::Result<()> {
    let ids: Vec<String> = nodes.map(MessageId::to_simple).collect();
    let ids = serde_json::to_string(&ids).map_err(rows::invalid)?;
    transaction
        .prepare_cached(
            "UPDATE messages SET active = 1
             WHERE message_id IN (SELECT value FROM json_each(?1))",
        )?
        .execute([ids])?;
    Ok(())
}
