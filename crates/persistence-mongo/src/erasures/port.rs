//! Implements [`Erasures`].

use async_trait::async_trait;
use futures_util::{FutureExt, TryStreamExt};
use mongodb::bson::{Bson, Document, doc, serialize_to_bson};
use mongodb::error::Result as MongoResult;
use webchat_domain::{Account, ErasedCounts, Erasure, ErasureId, NewAuditEntry, Timestamp, UserId};
use webchat_persistence::rules::disable_for_erasure;
use webchat_persistence::{Erasures, RequestErasureOutcome, StoreError};

use super::{ErasureDocument, stored};
use crate::accounts::{by_user, has_other_admin, serialize_removals_of_admins};
use crate::database::{READ_TIME, Transaction};
use crate::documents::{AccountDocument, date};
use crate::store::MongoStore;

#[async_trait]
impl Erasures for MongoStore {
    async fn request_erasure(
        &self,
        erasure: Erasure,
        needs_account: bool,
        audit: Option<NewAuditEntry>,
    ) -> Result<RequestErasureOutcome, StoreError> {
        self.transaction_audited(audit, erasure, move |transaction, erasure| {
            async move {
                let outcome = request(transaction, erasure, needs_account).await?;
                let is_changed = outcome.is_change();
                Ok((outcome, is_changed))
            }
            .boxed()
        })
        .await
    }

    async fn find_erasure(&self, id: ErasureId) -> Result<Option<Erasure>, StoreError> {
        let erasures = self.database.erasures();
        let found = self.database.run(erasures.find_one(by_id(id)).max_time(READ_TIME)).await?;
        Ok(found.map(Erasure::from))
    }

    async fn is_erased(&self, user_id: UserId) -> Result<bool, StoreError> {
        let of_user = doc! { "user_id": user_id.to_string() };
        let erasures = self.database.erasures();
        let found = self.database.run(erasures.find_one(of_user).max_time(READ_TIME)).await?;
        Ok(found.is_some())
    }

    async fn list_erasures(
        &self,
        before: Option<ErasureId>,
        max: u32,
    ) -> Result<Vec<Erasure>, StoreError> {
        let erasures = self.database.erasures();
        let earlier = match before {
            Some(before) => doc! { "erasure_id": { "$lt": before.to_string() } },
            None => doc! {},
        };
        let find = async {
            let newest_first = erasures.find(earlier).sort(doc! { "erasure_id": -1 });
            let page = newest_first.limit(max.into()).max_time(READ_TIME).await?;
            page.map_ok(Erasure::from).try_collect().await
        };
        self.database.run(find).await
    }

    async fn lease_erasure(
        &self,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<Option<Erasure>, StoreError> {
        let erasures = self.database.erasures();
        let due = doc! {
            "completed_at": null,
            "$or": [{ "lease_until": null }, { "lease_until": { "$lte": date(now) } }],
        };
        let lease = erasures
            .find_one_and_update(due, doc! { "$set": { "lease_until": date(expires_at) } })
            .sort(doc! { "erasure_id": 1 });
        Ok(self.database.run(lease).await?.map(Erasure::from))
    }

    async fn extend_erasure_lease(
        &self,
        id: ErasureId,
        expires_at: Timestamp,
    ) -> Result<(), StoreError> {
        let extended = doc! { "$set": { "lease_until": date(expires_at) } };
        self.update_erasure(id, "completed_at", extended).await
    }

    async fn count_stored(&self, user_id: UserId) -> Result<ErasedCounts, StoreError> {
        stored::count(&self.database, user_id).await
    }

    async fn set_erased_counts(
        &self,
        id: ErasureId,
        counts: ErasedCounts,
    ) -> Result<(), StoreError> {
        let counts = serialize_to_bson(&counts).map_err(StoreError::fault)?;
        self.update_erasure(id, "counts", doc! { "$set": { "counts": counts } }).await
    }

    async fn erase_stored(&self, user_id: UserId) -> Result<(), StoreError> {
        stored::erase(&self.database, user_id).await
    }

    async fn overwrite_erased(&self) -> Result<(), StoreError> {
        // The server has the files.
        Ok(())
    }

    async fn complete_erasure(&self, id: ErasureId, now: Timestamp) -> Result<(), StoreError> {
        let completed = doc! { "$set": { "completed_at": date(now), "lease_until": null } };
        self.update_erasure(id, "completed_at", completed).await
    }

    async fn put_erasure(&self, erasure: Erasure) -> Result<(), StoreError> {
        let (erasures, same) = (self.database.erasures(), by_id(erasure.erasure_id));
        let document = serialize_to_bson(&ErasureDocument::from(erasure));
        let document = document.map_err(StoreError::fault)?;
        let insert = erasures.update_one(same, doc! { "$setOnInsert": document }).upsert(true);
        self.database.run(insert).await?;
        Ok(())
    }

    async fn remove_erasures_before(&self, time: Timestamp) -> Result<(), StoreError> {
        let old = doc! { "completed_at": { "$lt": date(time) } };
        self.database.run(self.database.erasures().delete_many(old)).await?;
        Ok(())
    }
}

impl MongoStore {
    /// Updates an erasure of which this field is not set.
    async fn update_erasure(
        &self,
        id: ErasureId,
        unset: &str,
        update: Document,
    ) -> Result<(), StoreError> {
        let mut matching = by_id(id);
        matching.insert(unset, Bson::Null);
        self.database.run(self.database.erasures().update_one(matching, update)).await?;
        Ok(())
    }
}

async fn request(
    mut transaction: Transaction<'_>,
    erasure: &Erasure,
    needs_account: bool,
) -> MongoResult<RequestErasureOutcome> {
    serialize_removals_of_admins(&mut transaction).await?;
    let Transaction { database, session } = &mut transaction;
    let (accounts, erasures) = (database.accounts(), database.erasures());
    let same = erasures.find_one(by_id(erasure.erasure_id)).session(&mut **session).await?;
    let same = same.map(Erasure::from);
    if same.as_ref().is_some_and(|same| same.user_id != erasure.user_id) {
        return Ok(RequestErasureOutcome::OfAnotherUser);
    }
    let mut incomplete = by_user(erasure.user_id);
    incomplete.insert("completed_at", Bson::Null);
    if let Some(existing) = erasures.find_one(incomplete).session(&mut **session).await? {
        return Ok(RequestErasureOutcome::Exists(existing.into()));
    }
    let account = accounts.find_one(by_user(erasure.user_id)).session(&mut **session).await?;
    match account.map(Account::from) {
        Some(account) => {
            let has_other_admin = has_other_admin(&mut transaction, erasure.user_id).await?;
            let at = erasure.requested_at;
            let Ok(account) = disable_for_erasure(&account, at, has_other_admin) else {
                return Ok(RequestErasureOutcome::LastAdmin);
            };
            let document = AccountDocument::from(account);
            let replace = accounts.replace_one(by_user(erasure.user_id), document);
            replace.session(&mut *transaction.session).await?;
        }
        None if needs_account => return Ok(RequestErasureOutcome::NotFound),
        None => {}
    }
    let Some(completed) = same else {
        let document = ErasureDocument::from(erasure.clone());
        erasures.insert_one(document).session(transaction.session).await?;
        return Ok(RequestErasureOutcome::Requested);
    };
    let incomplete = doc! { "$set": { "completed_at": null, "lease_until": null } };
    let repeat = erasures.update_one(by_id(erasure.erasure_id), incomplete);
    repeat.session(transaction.session).await?;
    Ok(RequestErasureOutcome::Repeated(Erasure { completed_at: None, ..completed }))
}

fn by_id(id: ErasureId) -> Document {
    doc! { "erasure_id": id.to_string() }
}
