//! Beginning a turn that continues an answer.

use mongodb::bson::{doc, serialize_to_bson};
use mongodb::error::Result as MongoResult;
use webchat_domain::{ClientMessageId, ConversationId, Message, Timestamp, UserId};
use webchat_persistence::{AppendOutcome, ContinueAnswer, rules};

use super::preconditions::append_state;
use crate::conversations::versions::drop_summary_from;
use crate::database::Transaction;
use crate::documents::{ConversationDocument, MessageDocument, date};
use crate::queries::{by_owner, find_conversation, update_conversation};

/// Begins a turn that continues the answer at the end of the visible path.
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
    let head = find_head(&mut transaction, &conversation).await?.map(Message::from);
    let head_position = head.as_ref().map_or(0, |head| head.position);
    let client_message_id = continuation.client_message_id.as_ref();
    let state =
        append_state(&mut transaction, &conversation, client_message_id, head_position, now)
            .await?;
    if let Err(rejected) = rules::check_continuation(continuation, head.as_ref(), state) {
        return Ok(rejected);
    }
    let Some(answer) = head else { return Ok(AppendOutcome::NotFound) };
    let answer = rules::continued_answer(answer, continuation);
    update_answer(&mut transaction, &answer, client_message_id).await?;
    let lease = doc! {
        "$set": {
            "updated_at": date(now),
            "running_turn": continuation.turn.turn_id.to_string(),
            "lease_until": date(continuation.turn.lease_until),
        },
        "$unset": { "archived": "" },
    };
    update_conversation(&mut transaction, &conversation, lease).await?;
    drop_summary_from(&mut transaction, &conversation, answer.position).await?;
    match find_conversation(&mut transaction, by_owner(user_id, id)).await? {
        Some(conversation) => {
            Ok(AppendOutcome::Stored { conversation: conversation.into(), messages: vec![answer] })
        }
        None => Ok(AppendOutcome::NotFound),
    }
}

async fn find_head(
    transaction: &mut Transaction<'_>,
    conversation: &ConversationDocument,
) -> MongoResult<Option<MessageDocument>> {
    let Some(head) = conversation.head else { return Ok(None) };
    let messages = transaction.database.messages();
    let head = messages.find_one(doc! { "message_id": head.to_string() });
    head.session(&mut *transaction.session).await
}

/// Writes what the continuation changes in the answer.
async fn update_answer(
    transaction: &mut Transaction<'_>,
    answer: &Message,
    client_message_id: Option<&ClientMessageId>,
) -> MongoResult<()> {
    let mut change = doc! {
        "turn_id": answer.turn_id.map(|turn_id| turn_id.to_string()),
        "status": serialize_to_bson(&answer.status)?,
        "error": serialize_to_bson(&answer.error)?,
    };
    if let Some(client_message_id) = client_message_id {
        change.insert("client_message_id", client_message_id.as_str());
    }
    let messages = transaction.database.messages();
    messages
        .update_one(doc! { "message_id": answer.message_id.to_string() }, doc! { "$set": change })
        .session(&mut *transaction.session)
        .await?;
    Ok(())
}
