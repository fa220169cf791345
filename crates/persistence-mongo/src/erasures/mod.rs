//! The erasure of users.

mod document;
mod port;
mod stored;

use mongodb::bson::doc;
use mongodb::error::Result as MongoResult;
use webchat_domain::UserId;

pub(crate) use self::document::ErasureDocument;
use crate::database::{READ_TIME, Transaction};

/// Returns whether the erasure of the user was requested.
pub(crate) async fn is_erased(
    Transaction { database, session }: &mut Transaction<'_>,
    user_id: UserId,
) -> MongoResult<bool> {
    let erasures = database.erasures();
    let of_user = doc! { "user_id": user_id.to_string() };
    let found = erasures.find_one(of_user).max_time(READ_TIME).session(&mut **session).await?;
    Ok(found.is_some())
}

/// Returns whether the user is being erased.
pub(crate) async fn is_being_erased(
    Transaction { database, session }: &mut Transaction<'_>,
    user_id: UserId,
) -> MongoResult<bool> {
    let erasures = database.erasures();
    let of_user = doc! { "user_id": user_id.to_string(), "completed_at": null };
    let found = erasures.find_one(of_user).max_time(READ_TIME).session(&mut **session).await?;
    Ok(found.is_some())
}
