//! Appending messages, which may start a turn.

use std::sync::Arc;

use futures_util::FutureExt;
use mongodb::bson::{Document, doc};
use mongodb::error::Result as MongoResult;
use webchat_domain::{ConversationId, Timestamp, Title, UserId};
use webchat_persistence::rules::{self, NewPath};
use webchat_persistence::{Append, AppendOutcome, StoreError, StoredMessage};

use super::preconditions::load_append_state;
use crate::conversations::versions::{find_node, head_position, show_path};
use crate::database::{Concerns, MongoDatabase, Transaction, majority};
use crate::documents::{ConversationDocument, MessageDocument, date, long};
use crate::error::is_duplicate_key;
use crate::queries::{by_owner, find_conversation, update_state, without_context};

/// Appends the messages if the preconditions are met.
///
/// Almost all appends follow the head and meet them, so this is tried first, without reading anything. If it fails, the
/// conversation is read to find out why.
pub(crate) async fn append(
    database: &MongoDatabase,
    user_id: UserId,
    id: ConversationId,
    append: Append,
    now: Timestamp,
) -> Result<AppendOutcome, StoreError> {
    let append = Arc::new(append);
    if append.version_of.is_none() && append.expected_position.is_none() {
        let stored = database
            .transaction_with(
                Concerns::local(majority()),
                Arc::clone(&append),
                move |transaction, append| {
                    append_to_head(transaction, user_id, id, append, now).boxed()
                },
            )
            .await?;
        if let Some(stored) = stored {
            return Ok(stored);
        }
    }
    database
        .transaction(append, move |transaction, append| {
            append_messages(transaction, user_id, id, append, now).boxed()
        })
        .await
}

/// Appends the messages to the visible path. Returns `None` and changes nothing if a precondition is not met.
async fn append_to_head(
    mut transaction: Transaction<'_>,
    user_id: UserId,
    id: ConversationId,
    append: &Append,
    now: Timestamp,
) -> MongoResult<Option<AppendOutcome>> {
    let mut available = by_owner(user_id, id);
    if append.turn.is_some() {
        available.insert("lease_until", doc! { "$not": { "$gt": date(now) } });
    }
    let conversations = transaction.database.conversations();
    let previous = conversations
        .find_one_and_update(available, vec![appended(append, now)])
        .projection(without_context())
        .session(&mut *transaction.session)
        .await?;
    let Some(previous) = previous else {
        transaction.session.abort_transaction().await?;
        return Ok(None);
    };
    let (state, messages) = rules::append_messages(previous.state(), append.clone(), now);
    match insert(&mut transaction, user_id, &messages).await {
        Err(error) if is_duplicate_key(&error) => {
            transaction.session.abort_transaction().await?;
            return Ok(None);
        }
        inserted => inserted?,
    }
    let messages = messages.into_iter().map(|stored| stored.message).collect();
    Ok(Some(AppendOutcome::Stored { conversation: state.conversation, messages }))
}

/// Returns the stage of an update that changes a conversation like [`rules::append_messages`].
fn appended(append: &Append, now: Timestamp) -> Document {
    let count = append.messages.iter().map(|_| 1).sum();
    let tokens = append.messages.iter().map(|message| u64::from(message.token_count)).sum();
    let increased = |field: &str, by| doc! { "$add": [format!("${field}"), long(by)] };
    let title = append.title.as_ref().map(Title::as_str);
    let mut set = doc! {
        "title": { "$ifNull": ["$title", { "$literal": title }] },
        "updated_at": date(now),
        "message_count": increased("message_count", count),
        "total_tokens": increased("total_tokens", tokens),
        "last_position": increased("last_position", count),
    };
    if let Some(last) = append.messages.last() {
        set.insert("head", last.message_id.to_string());
    }
    if let Some(turn) = append.turn {
        set.extend(doc! {
            "running_turn": turn.turn_id.to_string(),
            "lease_until": date(turn.lease_until),
            "archived": "$$REMOVE",
        });
    }
    doc! { "$set": set }
}

/// Appends the messages if the preconditions are met, as a part of a transaction.
pub(crate) async fn append_messages(
    mut transaction: Transaction<'_>,
    user_id: UserId,
    id: ConversationId,
    append: &Append,
    now: Timestamp,
) -> MongoResult<AppendOutcome> {
    let found = find_conversation(&mut transaction, by_owner(user_id, id)).await?;
    let Some(conversation) = found else { return Ok(AppendOutcome::NotFound) };
    if let Err(rejected) = check(&mut transaction, &conversation, append, now).await? {
        return Ok(rejected);
    }
    let mut state = conversation.state();
    if let Some(message_id) = append.version_of {
        let found = find_node(&mut transaction, &conversation, message_id).await?;
        let Some(version_of) = found else { return Ok(AppendOutcome::NotFound) };
        let path = NewPath::before(version_of.into());
        state = show_path(&mut transaction, &conversation, path).await?;
    }
    let (state, messages) = rules::append_messages(state, append.clone(), now);
    update_state(&mut transaction, &state).await?;
    insert(&mut transaction, user_id, &messages).await?;
    let messages = messages.into_iter().map(|stored| stored.message).collect();
    Ok(AppendOutcome::Stored { conversation: state.conversation, messages })
}

async fn check(
    transaction: &mut Transaction<'_>,
    conversation: &ConversationDocument,
    append: &Append,
    now: Timestamp,
) -> MongoResult<Result<(), AppendOutcome>> {
    let head_position = match append.expected_position {
        Some(_) => head_position(transaction, conversation).await?,
        None => 0,
    };
    let client_message_id = append.client_message_id.as_ref();
    let loaded =
        load_append_state(transaction, conversation, client_message_id, head_position, now).await?;
    Ok(rules::check_append(append, loaded))
}

async fn insert(
    transaction: &mut Transaction<'_>,
    user_id: UserId,
    messages: &[StoredMessage],
) -> MongoResult<()> {
    if messages.is_empty() {
        return Ok(());
    }
    let documents = messages.iter().cloned().map(|message| MessageDocument::new(user_id, message));
    let collection = transaction.database.messages();
    collection.insert_many(documents).session(&mut *transaction.session).await?;
    Ok(())
}
