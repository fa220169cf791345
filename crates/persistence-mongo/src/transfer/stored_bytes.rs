//! The storage that conversations use.

use futures_util::TryStreamExt;
use mongodb::bson::{Bson, Document, doc};
use webchat_domain::UserId;
use webchat_persistence::StoreError;
use webchat_persistence::rules::ITEM_OVERHEAD_BYTES;

use crate::database::MongoDatabase;
use crate::documents::CONVERSATION_SCHEMA_VERSION;
use crate::schema::{FILE_TEXTS, MESSAGES};

/// Adds up the sizes of a user's conversations, messages and files, by reading all of them.
pub(super) async fn of_user(database: &MongoDatabase, user_id: UserId) -> Result<u64, StoreError> {
    let reasoning = doc! { "$strLenBytes": { "$ifNull": ["$reasoning.text", ""] } };
    let message = doc! {
        "$add": [{ "$strLenBytes": "$content" }, reasoning, i64::from(ITEM_OVERHEAD_BYTES)],
    };
    let pipeline = [
        doc! { "$match": { "user_id": user_id.to_string(), "schema": CONVERSATION_SCHEMA_VERSION } },
        doc! { "$project": { "conversation_id": 1, "bytes": { "$bsonSize": "$$ROOT" } } },
        doc! { "$lookup": {
            "from": MESSAGES,
            "localField": "conversation_id",
            "foreignField": "conversation_id",
            "pipeline": [{ "$group": { "_id": null, "bytes": { "$sum": message } } }],
            "as": "messages",
        } },
        doc! { "$lookup": {
            "from": FILE_TEXTS,
            "localField": "conversation_id",
            "foreignField": "conversation_id",
            "pipeline": [{ "$project": { "bytes": { "$strLenBytes": "$content" } } }],
            "as": "files",
        } },
        doc! { "$group": {
            "_id": null,
            "bytes": { "$sum": {
                "$add": ["$bytes", { "$sum": "$messages.bytes" }, { "$sum": "$files.bytes" }],
            } },
        } },
    ];
    let conversations = database.conversations();
    let sums = async { conversations.aggregate(pipeline).await?.try_collect().await };
    let sums: Vec<Document> = database.run(sums).await?;
    Ok(sums.first().and_then(|sum| sum.get("bytes")).map_or(0, number))
}

/// Returns the size of the database without its indexes, from its statistics.
pub(super) async fn of_all(database: &MongoDatabase) -> Result<u64, StoreError> {
    let statistics = database.run(database.raw().run_command(doc! { "dbStats": 1 })).await?;
    Ok(statistics.get("dataSize").map_or(0, number))
}

#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a cast saturates, and sizes are positive"
)]
fn number(value: &Bson) -> u64 {
    match value {
        Bson::Int32(number) => u64::try_from(*number).unwrap_or(0),
        Bson::Int64(number) => u64::try_from(*number).unwrap_or(0),
        Bson::Double(number) => *number as u64,
        _ => 0,
    }
}
