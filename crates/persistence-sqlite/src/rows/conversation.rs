//! Rows of `conversations`.

use rusqlite::{OptionalExtension, ToSql, Transaction, params};
use webchat_domain::{Conversation, ConversationId, MessageId, Timestamp, Title, TurnId, UserId};
use webchat_persistence::rules::ConversationState;

use super::columns::{Columns, invalid, read};

/// The user id of a hidden conversation, which is incomplete or deleted.
pub(crate) const NO_OWNER: &str = "";

/// The columns that [`conversation`] reads.
pub(crate) const CONVERSATION_COLUMNS: &str =
    "conversation_id, title, created_at, updated_at, message_count, total_tokens, archived";

pub(crate) fn find_conversation(
    transaction: &Transaction<'_>,
    user_id: UserId,
    id: ConversationId,
) -> rusqlite::Result<Option<Conversation>> {
    transaction
        .prepare_cached(&format!(
            "SELECT {CONVERSATION_COLUMNS} FROM conversations WHERE conversation_id = ?1 AND user_id = ?2"
        ))?
        .query_row([id.to_simple(), user_id.to_simple()], read(conversation))
        .optional()
}

pub(crate) fn find_state(
    transaction: &Transaction<'_>,
    user_id: UserId,
    id: ConversationId,
) -> rusqlite::Result<Option<ConversationState>> {
    let filter = "conversation_id = ?1 AND user_id = ?2";
    find_state_where(transaction, filter, &[&id.to_simple(), &user_id.to_simple()])
}

/// Finds the conversation of any user, unless it is hidden.
pub(crate) fn find_state_by_id(
    transaction: &Transaction<'_>,
    id: ConversationId,
) -> rusqlite::Result<Option<ConversationState>> {
    let filter = "conversation_id = ?1 AND user_id <> ?2";
    find_state_where(transaction, filter, &[&id.to_simple(), &NO_OWNER])
}

fn find_state_where(
    transaction: &Transaction<'_>,
    filter: &str,
    params: &[&dyn ToSql],
) -> rusqlite::Result<Option<ConversationState>> {
    transaction
        .prepare_cached(&format!(
            "SELECT {CONVERSATION_COLUMNS}, head, last_position, running_turn, lease_until
             FROM conversations WHERE {filter}"
        ))?
        .query_row(params, read(state))
        .optional()
}

/// Inserts a conversation. Returns `false` if its id is in use.
pub(crate) fn insert_state(
    transaction: &Transaction<'_>,
    user_id: UserId,
    state: &ConversationState,
) -> rusqlite::Result<bool> {
    let conversation = &state.conversation;
    let inserted = transaction
        .prepare_cached(
            "INSERT INTO conversations (conversation_id, user_id, title, created_at, updated_at,
                 message_count, total_tokens, archived, head, last_position, running_turn,
                 lease_until)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
             ON CONFLICT (conversation_id) DO NOTHING",
        )?
        .execute(params![
            conversation.conversation_id.to_simple(),
            user_id.to_simple(),
            conversation.title.as_ref().map(Title::as_str),
            conversation.created_at.unix_millis(),
            conversation.updated_at.unix_millis(),
            conversation.message_count,
            conversation.total_tokens,
            conversation.archived,
            state.head.map(MessageId::to_simple),
            state.last_position,
            state.turn_id.map(TurnId::to_simple),
            state.lease_until.map(Timestamp::unix_millis),
        ])?;
    Ok(inserted > 0)
}

/// Writes all fields of a conversation that can change.
pub(crate) fn update_state(
    transaction: &Transaction<'_>,
    state: &ConversationState,
) -> rusqlite::Result<()> {
    let conversation = &state.conversation;
    transaction
        .prepare_cached(
            "UPDATE conversations SET title = ?2, updated_at = ?3, message_count = ?4,
                 total_tokens = ?5, archived = ?6, head = ?7, last_position = ?8,
                 running_turn = ?9, lease_until = ?10
             WHERE conversation_id = ?1",
        )?
        .execute(params![
            conversation.conversation_id.to_simple(),
            conversation.title.as_ref().map(Title::as_str),
            conversation.updated_at.unix_millis(),
            conversation.message_count,
            conversation.total_tokens,
            conversation.archived,
            state.head.map(MessageId::to_simple),
            state.last_position,
            state.turn_id.map(TurnId::to_simple),
            state.lease_until.map(Timestamp::unix_millis),
        ])?;
    Ok(())
}

pub(crate) fn conversation(columns: &mut Columns<'_>) -> rusqlite::Result<Conversation> {
    Ok(Conversation {
        conversation_id: columns.parsed()?,
        title: columns
            .value::<Option<String>>()?
            .map(Title::try_from)
            .transpose()
            .map_err(invalid)?,
        created_at: columns.timestamp()?,
        updated_at: columns.timestamp()?,
        message_count: columns.value()?,
        total_tokens: columns.value()?,
        archived: columns.value()?,
    })
}

fn state(columns: &mut Columns<'_>) -> rusqlite::Result<ConversationState> {
    Ok(ConversationState {
        conversation: conversation(columns)?,
        head: columns.parsed_option()?,
        last_position: columns.value()?,
        turn_id: columns.parsed_option()?,
        lease_until: columns.timestamp_option()?,
    })
}
