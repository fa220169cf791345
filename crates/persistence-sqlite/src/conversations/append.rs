//! Appending messages to a conversation.

use std::mem;

use rusqlite::{Transaction, params};
use webchat_domain::{ConversationId, MessageId, Timestamp, Title, UserId};
use webchat_persistence::rules::{self, AppendEffect, NewPath, Placement};
use webchat_persistence::{Append, AppendOutcome};

use super::head::Head;
use super::path;
use crate::rows;

pub(crate) fn append(
    transaction: &Transaction<'_>,
    user_id: UserId,
    id: ConversationId,
    append: Append,
    now: Timestamp,
) -> rusqlite::Result<AppendOutcome> {
    let Some(mut head) = Head::find(transaction, user_id, id, now)? else {
        return Ok(AppendOutcome::NotFound);
    };
    let state = head.append_state(transaction, id, append.client_message_id.as_ref())?;
    if let Err(rejected) = rules::check_append(&append, state) {
        return Ok(rejected);
    }
    if let Some(version_of) = append.version_of {
        let Some(node) = path::find_node(transaction, id, version_of)? else {
            return Ok(AppendOutcome::NotFound);
        };
        path::show(transaction, id, NewPath::to(node.parent_id))?;
        head.message_id = node.parent_id;
    }
    store(transaction, user_id, id, &head, append, now)
}

fn store(
    transaction: &Transaction<'_>,
    user_id: UserId,
    id: ConversationId,
    head: &Head,
    mut append: Append,
    now: Timestamp,
) -> rusqlite::Result<AppendOutcome> {
    let placement =
        Placement { conversation_id: id, head: head.message_id, last_position: head.last_position };
    let (new, name) = (mem::take(&mut append.messages), append.client_message_id.take());
    let messages = rules::build_messages(placement, new, name);
    for message in &messages {
        rows::insert_message(transaction, user_id, message)?;
    }
    apply(transaction, id, &AppendEffect::of(&append, head.title.as_ref(), &messages), now)?;
    let messages = messages.into_iter().map(|stored| stored.message).collect();
    match rows::find_conversation(transaction, user_id, id)? {
        Some(conversation) => Ok(AppendOutcome::Stored { conversation, messages }),
        None => Ok(AppendOutcome::NotFound),
    }
}

fn apply(
    transaction: &Transaction<'_>,
    id: ConversationId,
    effect: &AppendEffect,
    now: Timestamp,
) -> rusqlite::Result<()> {
    transaction
        .prepare_cached(
            "UPDATE conversations SET
                 updated_at = ?2, title = coalesce(?3, title), head = coalesce(?4, head),
                 message_count = message_count + ?5, last_position = last_position + ?5,
                 total_tokens = total_tokens + ?6,
                 running_turn = coalesce(?7, running_turn), lease_until = coalesce(?8, lease_until),
                 archived = iif(?7 IS NULL, archived, 0)
             WHERE conversation_id = ?1",
        )?
        .execute(params![
            id.to_simple(),
            now.unix_millis(),
            effect.title.as_ref().map(Title::as_str),
            effect.head.map(MessageId::to_simple),
            effect.message_count,
            effect.total_tokens,
            effect.turn.map(|turn| turn.turn_id.to_simple()),
            effect.turn.map(|turn| turn.lease_until.unix_millis()),
        ])?;
    Ok(())
}
