//! The erasure of users.

mod overwrite;
mod port;
mod stored;

use rusqlite::Transaction;
use webchat_domain::UserId;

/// Returns whether the erasure of the user was requested.
pub(crate) fn is_erased(transaction: &Transaction<'_>, user_id: UserId) -> rusqlite::Result<bool> {
    transaction
        .prepare_cached("SELECT 1 FROM erasures WHERE user_id = ?1")?
        .exists([user_id.to_simple()])
}

/// Returns whether the user is being erased.
pub(crate) fn is_being_erased(
    transaction: &Transaction<'_>,
    user_id: UserId,
) -> rusqlite::Result<bool> {
    transaction
        .prepare_cached("SELECT 1 FROM erasures WHERE user_id = ?1 AND completed_at IS NULL")?
        .exists([user_id.to_simple()])
}
