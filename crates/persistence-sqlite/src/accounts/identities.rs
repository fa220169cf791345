//! Implements [`Identities`].

use async_trait::async_trait;
use rusqlite::{OptionalExtension, Transaction, params};
use webchat_domain::{Account, AccountRole, Identity, IdentityKey, NewAuditEntry, UserId};
use webchat_persistence::rules::StoredName;
use webchat_persistence::{CreateWithIdentityOutcome, Identities, StoreError};

use super::groups::set_members;
use super::{find, find_by_name, save};
use crate::SqliteStore;
use crate::rows::{Columns, read};

/// The columns of an identity, in the order of [`identity`].
const IDENTITY: &str = "issuer, subject, user_id, granted_role, created_at";

#[async_trait]
impl Identities for SqliteStore {
    async fn find_identity(&self, key: IdentityKey) -> Result<Option<Identity>, StoreError> {
        self.database.read(move |transaction| find_identity(transaction, &key)).await
    }

    async fn list_identities(&self, user_id: UserId) -> Result<Vec<Identity>, StoreError> {
        self.database
            .read(move |transaction| {
                transaction
                    .prepare_cached(&format!(
                        "SELECT {IDENTITY} FROM identities WHERE user_id = ?1 ORDER BY issuer"
                    ))?
                    .query_map([user_id.to_simple()], read(identity))?
                    .collect()
            })
            .await
    }

    async fn create_with_identity(
        &self,
        account: Account,
        identity: Identity,
        audit: Option<NewAuditEntry>,
    ) -> Result<CreateWithIdentityOutcome, StoreError> {
        self.write_audited(audit, move |transaction| {
            if let Some(existing) = find_identity(transaction, &identity.key)? {
                return Ok((CreateWithIdentityOutcome::Exists(existing), false));
            }
            if find_by_name(transaction, &account.name)?.is_some() {
                return Ok((CreateWithIdentityOutcome::NameTaken, false));
            }
            if find(transaction, account.user_id)?.is_some() {
                return Ok((CreateWithIdentityOutcome::UserTaken, false));
            }
            save(transaction, &account)?;
            set_members(transaction, &account)?;
            insert(transaction, &identity)?;
            Ok((CreateWithIdentityOutcome::Created, true))
        })
        .await
    }

    async fn link_identity(
        &self,
        identity: Identity,
        audit: Option<NewAuditEntry>,
    ) -> Result<Option<Identity>, StoreError> {
        self.write_audited(audit, move |transaction| {
            if let Some(existing) = find_identity(transaction, &identity.key)? {
                return Ok((Some(existing), false));
            }
            let has_other = transaction
                .prepare_cached("SELECT 1 FROM identities WHERE user_id = ?1 AND issuer = ?2")?
                .exists(params![identity.user_id.to_simple(), identity.key.issuer])?;
            let found = find(transaction, identity.user_id)?.filter(|_| !has_other);
            let Some(mut account) = found else { return Ok((None, false)) };
            account.signed_in_at = account.signed_in_at.or(Some(identity.created_at));
            save(transaction, &account)?;
            insert(transaction, &identity)?;
            Ok((Some(identity), true))
        })
        .await
    }

    async fn set_granted_role(
        &self,
        key: IdentityKey,
        role: Option<AccountRole>,
    ) -> Result<(), StoreError> {
        self.database
            .write(move |transaction| {
                let role = role.map(StoredName::stored_name);
                transaction
                    .prepare_cached(
                        "UPDATE identities SET granted_role = ?3 WHERE issuer = ?1 AND subject = ?2",
                    )?
                    .execute(params![key.issuer, key.subject, role])?;
                Ok(())
            })
            .await
    }
}

fn find_identity(
    transaction: &Transaction<'_>,
    key: &IdentityKey,
) -> rusqlite::Result<Option<Identity>> {
    transaction
        .prepare_cached(&format!(
            "SELECT {IDENTITY} FROM identities WHERE issuer = ?1 AND subject = ?2"
        ))?
        .query_row(params![key.issuer, key.subject], read(identity))
        .optional()
}

fn insert(transaction: &Transaction<'_>, identity: &Identity) -> rusqlite::Result<()> {
    transaction
        .prepare_cached(&format!(
            "INSERT INTO identities ({IDENTITY}) VALUES (?1, ?2, ?3, ?4, ?5)"
        ))?
        .execute(params![
            identity.key.issuer,
            identity.key.subject,
            identity.user_id.to_simple(),
            identity.granted_role.map(StoredName::stored_name),
            identity.created_at.unix_millis(),
        ])?;
    Ok(())
}

fn identity(columns: &mut Columns<'_>) -> rusqlite::Result<Identity> {
    Ok(Identity {
        key: IdentityKey { issuer: columns.value()?, subject: columns.value()? },
        user_id: columns.parsed()?,
        granted_role: columns.text_option()?.and_then(AccountRole::from_stored_name),
        created_at: columns.timestamp()?,
    })
}
