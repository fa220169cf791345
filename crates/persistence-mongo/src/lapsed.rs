//! Turns whose hold on their conversation has lapsed.

use mongodb::bson::{DateTime, doc};
use mongodb::error::Result as MongoResult;
use webchat_domain::{ConversationId, Message, Timestamp, TurnId};
use webchat_persistence::AbandonedTurn;

use crate::database::MongoDatabase;
use crate::documents::{CONVERSATION_SCHEMA, ConversationDocument, date};
use crate::queries::{anyones, without_context};

/// The one that lapsed first. Whoever holds it from then on, holds it alone.
pub(crate) async fn take_over_one(
    database: &MongoDatabase,
    now: Timestamp,
    unpublished_since: Timestamp,
    until: Timestamp,
) -> MongoResult<Option<AbandonedTurn>> {
    // The words of the index, which holds conversations with a turn alone.
    let turn = doc! { "$type": "string" };
    let lapsed = doc! { "running_turn": &turn, "lease_until": { "$lte": date(now) } };
    // One that has ended holds nothing.
    let pending = doc! {
        "running_turn": &turn,
        "lease_until": Option::<DateTime>::None,
        "updated_at": { "$lte": date(unpublished_since) },
    };
    let lapsed = doc! { "schema": CONVERSATION_SCHEMA, "$or": [lapsed, pending] };
    let held = doc! { "$set": { "lease_until": date(until) } };
    let taken = database
        .conversations()
        .find_one_and_update(lapsed, held)
        .sort(doc! { "lease_until": 1 })
        .projection(without_context())
        .await?;
    let Some(ConversationDocument {
        user_id, conversation_id, running_turn: Some(turn_id), ..
    }) = taken
    else {
        return Ok(None);
    };
    let answer = find_answer(database, turn_id).await?;
    Ok(Some(AbandonedTurn { user_id, conversation_id, turn_id, answer }))
}

pub(crate) async fn end(
    database: &MongoDatabase,
    id: ConversationId,
    turn_id: TurnId,
) -> MongoResult<bool> {
    let mut running = anyones(id);
    running.insert("running_turn", turn_id.to_string());
    let ended = doc! { "$set": {
        "running_turn": Option::<String>::None,
        "lease_until": Option::<DateTime>::None,
    } };
    Ok(database.conversations().update_one(running, ended).await?.matched_count > 0)
}

async fn find_answer(database: &MongoDatabase, turn_id: TurnId) -> MongoResult<Option<Message>> {
    let answer = doc! { "turn_id": turn_id.to_string(), "role": "assistant" };
    Ok(database.messages().find_one(answer).await?.map(Message::from))
}
