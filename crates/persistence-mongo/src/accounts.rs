//! Implements [`Accounts`].

mod groups;
mod identities;

use async_trait::async_trait;
use futures_util::{FutureExt, TryStreamExt};
use mongodb::bson::{Bson, Document, doc};
use mongodb::error::Result as MongoResult;
use webchat_domain::{Account, AccountName, GroupName, NewAuditEntry, Timestamp, UserId};
use webchat_persistence::rules::{StoredName, may_remove_admin, update_account};
use webchat_persistence::{
    AccountFilter, AccountUpdate, Accounts, CreateAccountOutcome, Group, StoreError,
    UpdateAccountOutcome,
};

use crate::database::{READ_TIME, Transaction};
use crate::documents::{AccountDocument, date};
use crate::erasures::{is_being_erased, is_erased};
use crate::schema::{ADMINS_ID, META};
use crate::store::MongoStore;

#[async_trait]
impl Accounts for MongoStore {
    async fn create(
        &self,
        account: Account,
        audit: Option<NewAuditEntry>,
    ) -> Result<CreateAccountOutcome, StoreError> {
        self.transaction_audited(audit, account, |transaction, account| {
            create_in(transaction, account).boxed()
        })
        .await
    }

    async fn find(&self, user_id: UserId) -> Result<Option<Account>, StoreError> {
        self.find_account(by_user(user_id)).await
    }

    async fn find_by_name(&self, name: AccountName) -> Result<Option<Account>, StoreError> {
        self.find_account(doc! { "name": name.as_str() }).await
    }

    async fn list(
        &self,
        filter: AccountFilter,
        after: Option<AccountName>,
        max: u32,
    ) -> Result<Vec<Account>, StoreError> {
        let after = after.as_ref().map_or("", AccountName::as_str);
        let mut matching = doc! { "name": names_after(after, &filter.prefix) };
        if let Some(group) = filter.group {
            matching.insert("groups", group.as_str());
        }
        if let Some(role) = filter.role {
            matching.insert("role", role.stored_name());
        }
        match filter.is_disabled {
            // As in the partial index.
            Some(true) => matching.insert("disabled_at", doc! { "$type": "date" }),
            Some(false) => matching.insert("disabled_at", Bson::Null),
            None => None,
        };
        let accounts = self.database.accounts();
        let find = async {
            let by_name = accounts.find(matching).sort(doc! { "name": 1 }).limit(max.into());
            by_name.max_time(READ_TIME).await?.map_ok(Account::from).try_collect().await
        };
        self.database.run(find).await
    }

    async fn adopt_user(
        &self,
        user_id: UserId,
        anonymous: UserId,
        now: Timestamp,
        audit: Option<NewAuditEntry>,
    ) -> Result<bool, StoreError> {
        self.transaction_audited(audit, (), move |transaction, ()| {
            adopt_in(transaction, user_id, anonymous, now).boxed()
        })
        .await
    }

    async fn update(
        &self,
        user_id: UserId,
        mut update: AccountUpdate,
    ) -> Result<UpdateAccountOutcome, StoreError> {
        self.transaction_audited(update.audit.take(), update, move |transaction, changes| {
            update_in(transaction, user_id, changes.clone()).boxed()
        })
        .await
    }

    async fn list_groups(
        &self,
        prefix: String,
        after: Option<GroupName>,
        max: u32,
    ) -> Result<Vec<Group>, StoreError> {
        self.find_groups(&prefix, after, max).await
    }
}

impl MongoStore {
    async fn find_account(&self, filter: Document) -> Result<Option<Account>, StoreError> {
        let accounts = self.database.accounts();
        let found = self.database.run(accounts.find_one(filter).max_time(READ_TIME)).await?;
        Ok(found.map(Account::from))
    }
}

async fn create_in(
    Transaction { database, session }: Transaction<'_>,
    account: &Account,
) -> MongoResult<(CreateAccountOutcome, bool)> {
    let accounts = database.accounts();
    let same = doc! { "$or": [{ "name": account.name.as_str() }, by_user(account.user_id)] };
    // A concurrent account with the same name is a write conflict, after which the driver runs this again.
    if accounts.find_one(same).session(&mut *session).await?.is_some() {
        return Ok((CreateAccountOutcome::NameTaken, false));
    }
    accounts.insert_one(AccountDocument::from(account.clone())).session(session).await?;
    Ok((CreateAccountOutcome::Created, true))
}

async fn adopt_in(
    mut transaction: Transaction<'_>,
    user_id: UserId,
    anonymous: UserId,
    now: Timestamp,
) -> MongoResult<(bool, bool)> {
    if is_erased(&mut transaction, user_id).await? || is_erased(&mut transaction, anonymous).await?
    {
        return Ok((false, false));
    }
    let Transaction { database, session } = transaction;
    let (accounts, conversations) = (database.accounts(), database.conversations());
    let conversations = conversations.clone_with_type::<Document>();
    let conversation = conversations.find_one(by_user(user_id)).session(&mut *session).await?;
    let other = accounts.find_one(by_user(anonymous)).session(&mut *session).await?;
    if conversation.is_some() || other.is_some() {
        return Ok((false, false));
    }
    let unused = doc! {
        "user_id": user_id.to_string(),
        "signed_in_at": null,
        "has_had_key": { "$ne": true },
    };
    let changes = doc! { "user_id": anonymous.to_string(), "signed_in_at": date(now) };
    let updated = accounts.update_one(unused, doc! { "$set": changes }).session(session).await?;
    Ok((updated.modified_count > 0, updated.modified_count > 0))
}

async fn update_in(
    mut transaction: Transaction<'_>,
    user_id: UserId,
    changes: AccountUpdate,
) -> MongoResult<(UpdateAccountOutcome, bool)> {
    let accounts = transaction.database.accounts();
    if may_remove_admin(&changes) {
        serialize_removals_of_admins(&mut transaction).await?;
    }
    let found = accounts.find_one(by_user(user_id)).session(&mut *transaction.session).await?;
    let Some(account) = found.map(Account::from) else {
        return Ok((UpdateAccountOutcome::NotFound, false));
    };
    if is_being_erased(&mut transaction, user_id).await? {
        return Ok((UpdateAccountOutcome::BeingErased, false));
    }
    let has_other_admin = has_other_admin(&mut transaction, user_id).await?;
    match update_account(&account, changes, has_other_admin) {
        Err(conflict) => Ok((conflict.into(), false)),
        Ok(account) => {
            let document = AccountDocument::from(account.clone());
            let replace = accounts.replace_one(by_user(user_id), document);
            replace.session(transaction.session).await?;
            Ok((UpdateAccountOutcome::Updated(account), true))
        }
    }
}

/// Matches the names that begin with a prefix, after `after`. U+10FFFF is not in names of accounts, and hardly in others; it
/// sorts after all characters that are.
fn names_after(after: &str, prefix: &str) -> Document {
    doc! { "$gt": after, "$gte": prefix, "$lt": format!("{prefix}\u{10ffff}") }
}

/// Makes concurrent removals of different administrators conflict: each would see the other administrator.
pub(crate) async fn serialize_removals_of_admins(
    Transaction { database, session }: &mut Transaction<'_>,
) -> MongoResult<()> {
    let meta = database.raw().collection::<Document>(META);
    meta.update_one(doc! { "_id": ADMINS_ID }, doc! { "$inc": { "changes": 1_i64 } })
        .upsert(true)
        .session(&mut **session)
        .await?;
    Ok(())
}

/// Returns whether there is an active administrator other than this user, who can sign in: with a password, or as before
/// with an identity or through a proxy. API keys are no sign-in.
pub(crate) async fn has_other_admin(
    Transaction { database, session }: &mut Transaction<'_>,
    user_id: UserId,
) -> MongoResult<bool> {
    let other_admin = doc! {
        "role": "admin",
        "disabled_at": null,
        "user_id": { "$ne": user_id.to_string() },
        "$or": [{ "password": { "$ne": null } }, { "signed_in_at": { "$ne": null } }],
    };
    let accounts = database.accounts();
    Ok(accounts.find_one(other_admin).session(&mut **session).await?.is_some())
}

pub(crate) fn by_user(user_id: UserId) -> Document {
    doc! { "user_id": user_id.to_string() }
}
