//! Implements [`Identities`].

use async_trait::async_trait;
use futures_util::{FutureExt, TryStreamExt};
use mongodb::bson::{Document, doc};
use mongodb::error::Result as MongoResult;
use webchat_domain::{Account, AccountRole, Identity, IdentityKey, NewAuditEntry, UserId};
use webchat_persistence::rules::StoredName;
use webchat_persistence::{CreateWithIdentityOutcome, Identities, StoreError};

use super::by_user;
use crate::database::{READ_TIME, Transaction};
use crate::documents::{AccountDocument, IdentityDocument, date};
use crate::error::is_duplicate_key;
use crate::store::MongoStore;

/// The maximum number of attempts to store an identity while others store it as well.
const MAX_ATTEMPTS: usize = 3;

#[async_trait]
impl Identities for MongoStore {
    async fn find_identity(&self, key: IdentityKey) -> Result<Option<Identity>, StoreError> {
        let identities = self.database.identities();
        let find = identities.find_one(by_key(&key)).max_time(READ_TIME);
        Ok(self.database.run(find).await?.map(Identity::from))
    }

    async fn list_identities(&self, user_id: UserId) -> Result<Vec<Identity>, StoreError> {
        let identities = self.database.identities();
        let find = async {
            let by_issuer = identities.find(by_user(user_id)).sort(doc! { "issuer": 1 });
            by_issuer.max_time(READ_TIME).await?.map_ok(Identity::from).try_collect().await
        };
        self.database.run(find).await
    }

    async fn create_with_identity(
        &self,
        account: Account,
        identity: Identity,
        audit: Option<NewAuditEntry>,
    ) -> Result<CreateWithIdentityOutcome, StoreError> {
        // After a conflict with a concurrent call, the next attempt finds what that has stored.
        for _ in 0..MAX_ATTEMPTS {
            let context = (account.clone(), identity.clone());
            let outcome = self
                .transaction_audited(audit.clone(), context, |transaction, (account, identity)| {
                    create_in(transaction, account.clone(), identity.clone()).boxed()
                })
                .await?;
            if let Some(outcome) = outcome {
                return Ok(outcome);
            }
        }
        Err(StoreError::unavailable("too many concurrent sign-ins"))
    }

    async fn link_identity(
        &self,
        identity: Identity,
        audit: Option<NewAuditEntry>,
    ) -> Result<Option<Identity>, StoreError> {
        for _ in 0..MAX_ATTEMPTS {
            let outcome = self
                .transaction_audited(audit.clone(), identity.clone(), |transaction, identity| {
                    link_in(transaction, identity.clone()).boxed()
                })
                .await?;
            if let Some(outcome) = outcome {
                return Ok(outcome);
            }
        }
        Err(StoreError::unavailable("too many concurrent sign-ins"))
    }

    async fn set_granted_role(
        &self,
        key: IdentityKey,
        role: Option<AccountRole>,
    ) -> Result<(), StoreError> {
        let update = doc! { "$set": { "granted_role": role.map(StoredName::stored_name) } };
        let identities = self.database.identities();
        self.database.run(identities.update_one(by_key(&key), update)).await?;
        Ok(())
    }
}

/// Stores an account with an identity. Returns `None` after a conflict with a concurrent call.
async fn create_in(
    transaction: Transaction<'_>,
    account: Account,
    identity: Identity,
) -> MongoResult<(Option<CreateWithIdentityOutcome>, bool)> {
    let Transaction { database, session } = transaction;
    let (accounts, identities) = (database.accounts(), database.identities());
    let existing = identities.find_one(by_key(&identity.key)).session(&mut *session).await?;
    if let Some(existing) = existing {
        return Ok((Some(CreateWithIdentityOutcome::Exists(existing.into())), false));
    }
    let by_name = doc! { "name": account.name.as_str() };
    if accounts.find_one(by_name).session(&mut *session).await?.is_some() {
        return Ok((Some(CreateWithIdentityOutcome::NameTaken), false));
    }
    if accounts.find_one(by_user(account.user_id)).session(&mut *session).await?.is_some() {
        return Ok((Some(CreateWithIdentityOutcome::UserTaken), false));
    }
    let inserted = async {
        accounts.insert_one(AccountDocument::from(account)).session(&mut *session).await?;
        identities.insert_one(IdentityDocument::from(identity)).session(&mut *session).await
    };
    match inserted.await {
        Err(error) if is_duplicate_key(&error) => {
            session.abort_transaction().await?;
            Ok((None, false))
        }
        inserted => inserted.map(|_| (Some(CreateWithIdentityOutcome::Created), true)),
    }
}

/// Adds an identity to an account. Returns `None` after a conflict with a concurrent call.
async fn link_in(
    Transaction { database, session }: Transaction<'_>,
    identity: Identity,
) -> MongoResult<(Option<Option<Identity>>, bool)> {
    let (accounts, identities) = (database.accounts(), database.identities());
    let existing = identities.find_one(by_key(&identity.key)).session(&mut *session).await?;
    if let Some(existing) = existing {
        return Ok((Some(Some(existing.into())), false));
    }
    let mut other = by_user(identity.user_id);
    other.insert("issuer", identity.key.issuer.as_str());
    if identities.find_one(other).session(&mut *session).await?.is_some() {
        return Ok((Some(None), false));
    }
    // Also a write if nothing changes: it conflicts with an adoption, which changes the account's user.
    let used = doc! { "$ifNull": ["$signed_in_at", date(identity.created_at)] };
    let mark_used = vec![doc! { "$set": { "signed_in_at": used } }];
    let marked = accounts.update_one(by_user(identity.user_id), mark_used);
    if marked.session(&mut *session).await?.matched_count == 0 {
        return Ok((Some(None), false));
    }
    let document = IdentityDocument::from(identity.clone());
    match identities.insert_one(document).session(&mut *session).await {
        Err(error) if is_duplicate_key(&error) => {
            session.abort_transaction().await?;
            Ok((None, false))
        }
        inserted => inserted.map(|_| (Some(Some(identity)), true)),
    }
}

fn by_key(key: &IdentityKey) -> Document {
    doc! { "issuer": key.issuer.as_str(), "subject": key.subject.as_str() }
}
