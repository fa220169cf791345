//! Turns of dead instances, whose lease has expired or whose end was never published.

use mongodb::bson::{DateTime, doc};
use mongodb::error::Result as MongoResult;
use webchat_domain::{ConversationId, Message, Timestamp, TurnId};
use webchat_persistence::{AbandonedTurn, ClaimScope};

use crate::database::{MongoDatabase, READ_TIME, primary_in_memory};
use crate::documents::{CONVERSATION_SCHEMA_VERSION, ConversationDocument, date};
use crate::queries::{by_id, without_context, without_search_terms};

/// Claims the turn whose lease expired first. No other caller can claim it until `until`.
pub(crate) async fn claim_next(
    database: &MongoDatabase,
    scope: &ClaimScope,
    expired_by: Timestamp,
    unpublished_since: Timestamp,
    until: Timestamp,
) -> MongoResult<Option<AbandonedTurn>> {
    // The filter of the partial index, which contains only conversations with a turn.
    let turn = doc! { "$type": "string" };
    let expired = doc! { "running_turn": &turn, "lease_until": { "$lte": date(expired_by) } };
    // A turn that has ended has no lease.
    let unpublished = doc! {
        "running_turn": &turn,
        "lease_until": Option::<DateTime>::None,
        "updated_at": { "$lte": date(unpublished_since) },
    };
    let ids = |turns: &[TurnId]| turns.iter().map(ToString::to_string).collect::<Vec<_>>();
    let in_scope = match scope {
        ClaimScope::AllExcept(turns) => doc! { "$nin": ids(turns) },
        ClaimScope::Only(turns) => doc! { "$in": ids(turns) },
    };
    let available = doc! {
        "schema": CONVERSATION_SCHEMA_VERSION,
        "$or": [expired, unpublished],
        "running_turn": in_scope,
    };
    let lease = doc! { "$set": { "lease_until": date(until) } };
    let claimed = database
        .conversations()
        .find_one_and_update(available, lease)
        .sort(doc! { "lease_until": 1 })
        .projection(without_context())
        .await?;
    let Some(ConversationDocument {
        user_id, conversation_id, running_turn: Some(turn_id), ..
    }) = claimed
    else {
        return Ok(None);
    };
    let answer = find_answer(database, turn_id).await?;
    Ok(Some(AbandonedTurn { user_id, conversation_id, turn_id, answer }))
}

/// Ends a turn. Returns `false` if the conversation has no such turn.
pub(crate) async fn end(
    database: &MongoDatabase,
    id: ConversationId,
    turn_id: TurnId,
) -> MongoResult<bool> {
    let mut running = by_id(id);
    running.insert("running_turn", turn_id.to_string());
    let ended = doc! { "$set": {
        "running_turn": Option::<String>::None,
        "lease_until": Option::<DateTime>::None,
    } };
    // If the write is lost, only the end of the turn is published again, which readers recognise. So it need not wait
    // until it is durable.
    let conversations = database.conversations();
    let update = conversations.update_one(running, ended).write_concern(primary_in_memory());
    Ok(update.await?.matched_count > 0)
}

async fn find_answer(database: &MongoDatabase, turn_id: TurnId) -> MongoResult<Option<Message>> {
    let answer = doc! { "turn_id": turn_id.to_string(), "role": "assistant" };
    let messages = database.messages();
    let find = messages.find_one(answer).max_time(READ_TIME).projection(without_search_terms());
    Ok(find.await?.map(Message::from))
}
