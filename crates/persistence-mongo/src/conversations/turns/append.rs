//! Appending messages, and beginning a turn with them.

use mongodb::bson::{Document, doc};
use mongodb::error::Result as MongoResult;
use mongodb::options::ReturnDocument;
use webchat_domain::{ConversationId, Timestamp, UserId};
use webchat_persistence::rules::{self, AppendEffect, NewPath, Placement};
use webchat_persistence::{Append, AppendOutcome};

use super::preconditions::append_state;
use crate::conversations::versions::{find_node, head_position, show};
use crate::database::Transaction;
use crate::documents::{ConversationDocument, MessageDocument, date, long};
use crate::queries::{by_owner, find_conversation, without_context};

/// Appends the messages if the preconditions are met.
pub(crate) async fn append_messages(
    mut transaction: Transaction<'_>,
    user_id: UserId,
    id: ConversationId,
    append: &Append,
    now: Timestamp,
) -> MongoResult<AppendOutcome> {
    let Some(mut conversation) = find_conversation(&mut transaction, by_owner(user_id, id)).await?
    else {
        return Ok(AppendOutcome::NotFound);
    };
    let head_position = match append.expected_position {
        Some(_) => head_position(&mut transaction, &conversation).await?,
        None => 0,
    };
    let client_message_id = append.client_message_id.as_ref();
    let state =
        append_state(&mut transaction, &conversation, client_message_id, head_position, now)
            .await?;
    if let Err(rejected) = rules::check_append(append, state) {
        return Ok(rejected);
    }
    if let Some(message_id) = append.version_of {
        let found = find_node(&mut transaction, &conversation, message_id).await?;
        let Some(version_of) = found else { return Ok(AppendOutcome::NotFound) };
        show(&mut transaction, &conversation, NewPath::to(version_of.parent_id)).await?;
        conversation.head = version_of.parent_id;
    }
    store(transaction, conversation, append, now).await
}

async fn store(
    transaction: Transaction<'_>,
    conversation: ConversationDocument,
    append: &Append,
    now: Timestamp,
) -> MongoResult<AppendOutcome> {
    let placement = Placement {
        conversation_id: conversation.conversation_id,
        head: conversation.head,
        last_position: conversation.last_position,
    };
    let (new, client_message_id) = (append.messages.clone(), append.client_message_id.clone());
    let messages = rules::build_messages(placement, new, client_message_id);
    let effect = AppendEffect::of(append, conversation.title.as_ref(), &messages);
    let conversations = transaction.database.conversations();
    let updated = conversations
        .find_one_and_update(
            by_owner(conversation.user_id, conversation.conversation_id),
            update(&effect, now),
        )
        .projection(without_context())
        .return_document(ReturnDocument::After)
        .session(&mut *transaction.session)
        .await?;
    let Some(updated) = updated else {
        return Ok(AppendOutcome::NotFound);
    };
    if !messages.is_empty() {
        let user_id = conversation.user_id;
        let documents = messages.iter().cloned().map(|one| MessageDocument::new(user_id, one));
        transaction
            .database
            .messages()
            .insert_many(documents)
            .session(&mut *transaction.session)
            .await?;
    }
    Ok(AppendOutcome::Stored {
        conversation: updated.into(),
        messages: messages.into_iter().map(|stored| stored.message).collect(),
    })
}

/// Returns the update of the conversation.
fn update(effect: &AppendEffect, now: Timestamp) -> Document {
    let mut set = doc! { "updated_at": date(now) };
    if let Some(title) = &effect.title {
        set.insert("title", title.as_str());
    }
    if let Some(head) = effect.head {
        set.insert("head", head.to_string());
    }
    if let Some(turn) = effect.turn {
        set.insert("running_turn", turn.turn_id.to_string());
        set.insert("lease_until", date(turn.lease_until));
    }
    let count = long(effect.message_count);
    let tokens = long(effect.total_tokens);
    let mut update = doc! {
        "$set": set,
        "$inc": { "message_count": count, "last_position": count, "total_tokens": tokens },
    };
    if effect.turn.is_some() {
        update.insert("$unset", doc! { "archived": "" });
    }
    update
}
