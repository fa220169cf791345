//! Beginning a turn that continues an answer.

use mongodb::bson::{Bson, doc, serialize_to_bson};
use mongodb::error::Result as MongoResult;
use webchat_domain::{ConversationId, MessageStatus, Role, Timestamp, UserId};
use webchat_persistence::{AppendOutcome, ContinueAnswer};

use super::preconditions::{find_duplicate, turn_runs};
use crate::conversations::versions::{drop_summary_from, end_position};
use crate::database::Transaction;
use crate::documents::{ConversationDocument, MessageDocument, date, long};
use crate::queries::{by_owner, find_conversation, update_conversation};

/// Begins a turn that continues the answer in which the visible path ends.
pub(crate) async fn continue_answer(
    mut transaction: Transaction<'_>,
    user_id: UserId,
    id: ConversationId,
    continuation: &ContinueAnswer,
    now: Timestamp,
) -> MongoResult<AppendOutcome> {
    let Some(conversation) = find_conversation(&mut transaction, by_owner(user_id, id)).await?
    else {
        return Ok(AppendOutcome::NotFound);
    };
    if let Some(client_message_id) = &continuation.client_message_id {
        let duplicate = find_duplicate(&mut transaction, &conversation, client_message_id).await?;
        if !duplicate.is_empty() {
            return Ok(AppendOutcome::Duplicate(duplicate));
        }
    }
    if turn_runs(&conversation, now) {
        return Ok(AppendOutcome::TurnInProgress);
    }
    let Some(answer) = find_unfinished(&mut transaction, &conversation, continuation).await? else {
        let position = end_position(&mut transaction, &conversation).await?;
        return Ok(AppendOutcome::Conflict { position });
    };
    let answer = assign_to_turn(&mut transaction, answer, continuation).await?;
    let lease = doc! {
        "$set": {
            "updated_at": date(now),
            "running_turn": continuation.turn.turn_id.to_string(),
            "lease_until": date(continuation.turn.lease_until),
        },
        "$unset": { "archived": "" },
    };
    update_conversation(&mut transaction, &conversation, lease).await?;
    drop_summary_from(&mut transaction, &conversation, long(answer.position)).await?;
    match find_conversation(&mut transaction, by_owner(user_id, id)).await? {
        Some(conversation) => Ok(AppendOutcome::Stored {
            conversation: conversation.into(),
            messages: vec![answer.into()],
        }),
        None => Ok(AppendOutcome::NotFound),
    }
}

/// Returns the answer to continue, if the visible path ends in it and it is not complete.
async fn find_unfinished(
    transaction: &mut Transaction<'_>,
    conversation: &ConversationDocument,
    continuation: &ContinueAnswer,
) -> MongoResult<Option<MessageDocument>> {
    if conversation.head != Some(continuation.message_id) {
        return Ok(None);
    }
    let unfinished = doc! {
        "message_id": continuation.message_id.to_string(),
        "role": serialize_to_bson(&Role::Assistant)?,
        "status": { "$ne": serialize_to_bson(&MessageStatus::Complete)? },
    };
    let messages = transaction.database.messages();
    messages.find_one(unfinished).session(&mut *transaction.session).await
}

/// Assigns the answer to the new turn.
async fn assign_to_turn(
    transaction: &mut Transaction<'_>,
    mut answer: MessageDocument,
    continuation: &ContinueAnswer,
) -> MongoResult<MessageDocument> {
    answer.turn_id = Some(continuation.turn.turn_id);
    answer.status = MessageStatus::Interrupted;
    answer.error = None;
    let mut change = doc! {
        "turn_id": continuation.turn.turn_id.to_string(),
        "status": serialize_to_bson(&answer.status)?,
        "error": Bson::Null,
    };
    if let Some(client_message_id) = &continuation.client_message_id {
        change.insert("client_message_id", client_message_id.as_str());
    }
    let messages = transaction.database.messages();
    messages
        .update_one(doc! { "message_id": answer.message_id.to_string() }, doc! { "$set": change })
        .session(&mut *transaction.session)
        .await?;
    Ok(answer)
}
