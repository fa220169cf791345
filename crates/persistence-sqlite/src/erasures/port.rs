//! Implements [`Erasures`].

use async_trait::async_trait;
use rusqlite::{OptionalExtension, Transaction, params};
use webchat_domain::{ErasedCounts, Erasure, ErasureId, NewAuditEntry, Timestamp, UserId};
use webchat_persistence::rules::disable_for_erasure;
use webchat_persistence::{Erasures, RequestErasureOutcome, StoreError};

use super::{overwrite, stored};
use crate::accounts::{find, has_other_admin, save};
use crate::rows::{Columns, invalid, read};
use crate::store::SqliteStore;

/// The columns of an erasure, in the order of [`erasure`].
const ERASURE: &str = "erasure_id, user_id, requested_at, completed_at, counts";

#[async_trait]
impl Erasures for SqliteStore {
    async fn request_erasure(
        &self,
        erasure: Erasure,
        needs_account: bool,
        audit: Option<NewAuditEntry>,
    ) -> Result<RequestErasureOutcome, StoreError> {
        self.write_audited(audit, move |transaction| {
            let outcome = request(transaction, &erasure, needs_account)?;
            let is_changed = outcome.is_change();
            Ok((outcome, is_changed))
        })
        .await
    }

    async fn find_erasure(&self, id: ErasureId) -> Result<Option<Erasure>, StoreError> {
        self.database
            .read(move |transaction| find_by(transaction, "erasure_id = ?1", &id.to_simple()))
            .await
    }

    async fn is_erased(&self, user_id: UserId) -> Result<bool, StoreError> {
        self.database.read(move |transaction| super::is_erased(transaction, user_id)).await
    }

    async fn list_erasures(
        &self,
        before: Option<ErasureId>,
        max: u32,
    ) -> Result<Vec<Erasure>, StoreError> {
        // Greater than all ids.
        let before = before.map_or("g".to_owned(), ErasureId::to_simple);
        self.database
            .read(move |transaction| {
                transaction
                    .prepare(&format!(
                        "SELECT {ERASURE} FROM erasures WHERE erasure_id < ?1
                         ORDER BY erasure_id DESC LIMIT ?2"
                    ))?
                    .query_map(params![before, max], read(erasure))?
                    .collect()
            })
            .await
    }

    async fn lease_erasure(
        &self,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<Option<Erasure>, StoreError> {
        let due = "completed_at IS NULL AND coalesce(lease_until, 0) <= ?1";
        // Read first, because the writer is shared by all users, and there is rarely an erasure.
        let next =
            format!("SELECT {ERASURE} FROM erasures WHERE {due} ORDER BY erasure_id LIMIT 1");
        let now = now.unix_millis();
        let found = self.database.read(move |transaction| {
            transaction.prepare_cached(&next)?.query_row([now], read(erasure)).optional()
        });
        let Some(found) = found.await? else { return Ok(None) };
        let id = found.erasure_id.to_simple();
        let lease = format!("UPDATE erasures SET lease_until = ?2 WHERE erasure_id = ?3 AND {due}");
        let leased = self.database.write(move |transaction| {
            transaction.execute(&lease, params![now, expires_at.unix_millis(), id])
        });
        Ok((leased.await? > 0).then_some(found))
    }

    async fn extend_erasure_lease(
        &self,
        id: ErasureId,
        expires_at: Timestamp,
    ) -> Result<(), StoreError> {
        let extend = "UPDATE erasures SET lease_until = ?2
                      WHERE erasure_id = ?1 AND completed_at IS NULL";
        self.database
            .write(move |transaction| {
                transaction.execute(extend, params![id.to_simple(), expires_at.unix_millis()])
            })
            .await
            .map(drop)
    }

    async fn count_stored(&self, user_id: UserId) -> Result<ErasedCounts, StoreError> {
        self.database.read_long(None, move |transaction| stored::count(transaction, user_id)).await
    }

    async fn set_erased_counts(
        &self,
        id: ErasureId,
        counts: ErasedCounts,
    ) -> Result<(), StoreError> {
        let counts = serde_json::to_string(&counts).map_err(StoreError::fault)?;
        let set = "UPDATE erasures SET counts = ?2 WHERE erasure_id = ?1 AND counts IS NULL";
        self.database
            .write(move |transaction| transaction.execute(set, params![id.to_simple(), counts]))
            .await
            .map(drop)
    }

    async fn erase_stored(&self, user_id: UserId) -> Result<(), StoreError> {
        // An insertion that began before the request has ended when this lock is free, and its messages are discarded.
        drop(self.insertion.lock().await);
        stored::erase(&self.database, user_id).await
    }

    async fn overwrite_erased(&self) -> Result<(), StoreError> {
        overwrite::overwrite_erased(&self.database).await
    }

    async fn complete_erasure(&self, id: ErasureId, now: Timestamp) -> Result<(), StoreError> {
        let complete = "UPDATE erasures SET completed_at = ?2, lease_until = NULL
                        WHERE erasure_id = ?1 AND completed_at IS NULL";
        self.database
            .write(move |transaction| {
                transaction.execute(complete, params![id.to_simple(), now.unix_millis()])
            })
            .await
            .map(drop)
    }

    async fn put_erasure(&self, erasure: Erasure) -> Result<(), StoreError> {
        self.database.write(move |transaction| insert(transaction, &erasure)).await
    }

    async fn remove_erasures_before(&self, time: Timestamp) -> Result<(), StoreError> {
        let remove = "DELETE FROM erasures WHERE completed_at < ?1";
        self.database
            .write(move |transaction| transaction.execute(remove, [time.unix_millis()]))
            .await
            .map(drop)
    }
}

fn request(
    transaction: &Transaction<'_>,
    erasure: &Erasure,
    needs_account: bool,
) -> rusqlite::Result<RequestErasureOutcome> {
    let same = find_by(transaction, "erasure_id = ?1", &erasure.erasure_id.to_simple())?;
    if same.as_ref().is_some_and(|same| same.user_id != erasure.user_id) {
        return Ok(RequestErasureOutcome::OfAnotherUser);
    }
    let incomplete = "user_id = ?1 AND completed_at IS NULL";
    if let Some(existing) = find_by(transaction, incomplete, &erasure.user_id.to_simple())? {
        return Ok(RequestErasureOutcome::Exists(existing));
    }
    match find(transaction, erasure.user_id)? {
        Some(account) => {
            let has_other_admin = has_other_admin(transaction, erasure.user_id)?;
            let at = erasure.requested_at;
            let Ok(account) = disable_for_erasure(&account, at, has_other_admin) else {
                return Ok(RequestErasureOutcome::LastAdmin);
            };
            save(transaction, &account)?;
        }
        None if needs_account => return Ok(RequestErasureOutcome::NotFound),
        None => {}
    }
    let Some(completed) = same else {
        insert(transaction, erasure)?;
        return Ok(RequestErasureOutcome::Requested);
    };
    let repeat =
        "UPDATE erasures SET completed_at = NULL, lease_until = NULL WHERE erasure_id = ?1";
    transaction.execute(repeat, [erasure.erasure_id.to_simple()])?;
    Ok(RequestErasureOutcome::Repeated(Erasure { completed_at: None, ..completed }))
}

fn find_by(
    transaction: &Transaction<'_>,
    condition: &str,
    id: &str,
) -> rusqlite::Result<Option<Erasure>> {
    transaction
        .prepare(&format!("SELECT {ERASURE} FROM erasures WHERE {condition}"))?
        .query_row([id], read(erasure))
        .optional()
}

fn insert(transaction: &Transaction<'_>, erasure: &Erasure) -> rusqlite::Result<()> {
    let counts = erasure.counts.map(|counts| serde_json::to_string(&counts)).transpose();
    let counts = counts.map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
    transaction
        .execute(
            &format!("INSERT OR IGNORE INTO erasures ({ERASURE}) VALUES (?1, ?2, ?3, ?4, ?5)"),
            params![
                erasure.erasure_id.to_simple(),
                erasure.user_id.to_simple(),
                erasure.requested_at.unix_millis(),
                erasure.completed_at.map(Timestamp::unix_millis),
                counts,
            ],
        )
        .map(drop)
}

fn erasure(columns: &mut Columns<'_>) -> rusqlite::Result<Erasure> {
    Ok(Erasure {
        erasure_id: columns.parsed()?,
        user_id: columns.parsed()?,
        requested_at: columns.timestamp()?,
        completed_at: columns.timestamp_option()?,
        counts: columns.text_option()?.map(serde_json::from_str).transpose().map_err(invalid)?,
    })
}
