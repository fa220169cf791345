//! Implements [`Accounts`].

use async_trait::async_trait;
use futures_util::{FutureExt, TryStreamExt};
use mongodb::bson::{Document, doc};
use mongodb::error::Result as MongoResult;
use webchat_domain::{Account, AccountName, Timestamp, UserId};
use webchat_persistence::rules::{may_remove_admin, update_account};
use webchat_persistence::{
    AccountUpdate, Accounts, CreateAccountOutcome, StoreError, UpdateAccountOutcome,
};

use crate::database::{READ_TIME, Transaction};
use crate::documents::{AccountDocument, date};
use crate::error::is_duplicate_key;
use crate::schema::{ADMINS_ID, META};
use crate::store::MongoStore;

#[async_trait]
impl Accounts for MongoStore {
    async fn create(&self, account: Account) -> Result<CreateAccountOutcome, StoreError> {
        let accounts = self.database.accounts();
        let insert = async move {
            match accounts.insert_one(AccountDocument::from(account)).await {
                Ok(_) => Ok(CreateAccountOutcome::Created),
                Err(error) if is_duplicate_key(&error) => Ok(CreateAccountOutcome::NameTaken),
                Err(error) => Err(error),
            }
        };
        self.database.run(insert).await
    }

    async fn find(&self, user_id: UserId) -> Result<Option<Account>, StoreError> {
        self.find_account(by_user(user_id)).await
    }

    async fn find_by_name(&self, name: AccountName) -> Result<Option<Account>, StoreError> {
        self.find_account(doc! { "name": name.as_str() }).await
    }

    async fn list(
        &self,
        prefix: String,
        after: Option<AccountName>,
        max: u32,
    ) -> Result<Vec<Account>, StoreError> {
        let after = after.as_ref().map_or("", AccountName::as_str);
        // U+10FFFF is not in names, and sorts after all characters that are.
        let last = format!("{prefix}\u{10ffff}");
        let range = doc! { "name": { "$gt": after, "$gte": prefix, "$lt": last } };
        let accounts = self.database.accounts();
        let find = async {
            let by_name = accounts.find(range).sort(doc! { "name": 1 }).limit(max.into());
            by_name.max_time(READ_TIME).await?.map_ok(Account::from).try_collect().await
        };
        self.database.run(find).await
    }

    async fn adopt_user(
        &self,
        user_id: UserId,
        anonymous: UserId,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let (accounts, conversations) = (self.database.accounts(), self.database.conversations());
        let unused = doc! { "user_id": user_id.to_string(), "signed_in_at": null };
        let changes = doc! { "user_id": anonymous.to_string(), "signed_in_at": date(now) };
        let adopt = doc! { "$set": changes };
        let update = async move {
            let conversations = conversations.clone_with_type::<Document>();
            if conversations.find_one(by_user(user_id)).max_time(READ_TIME).await?.is_some() {
                return Ok(false);
            }
            match accounts.update_one(unused, adopt).await {
                Ok(result) => Ok(result.modified_count > 0),
                Err(error) if is_duplicate_key(&error) => Ok(false),
                Err(error) => Err(error),
            }
        };
        self.database.run(update).await
    }

    async fn update(
        &self,
        user_id: UserId,
        update: AccountUpdate,
    ) -> Result<UpdateAccountOutcome, StoreError> {
        self.database
            .transaction(update, move |transaction, changes| {
                update_in(transaction, user_id, changes.clone()).boxed()
            })
            .await
    }
}

impl MongoStore {
    async fn find_account(&self, filter: Document) -> Result<Option<Account>, StoreError> {
        let accounts = self.database.accounts();
        let found = self.database.run(accounts.find_one(filter).max_time(READ_TIME)).await?;
        Ok(found.map(Account::from))
    }
}

async fn update_in(
    Transaction { database, session }: Transaction<'_>,
    user_id: UserId,
    changes: AccountUpdate,
) -> MongoResult<UpdateAccountOutcome> {
    let accounts = database.accounts();
    if may_remove_admin(&changes) {
        // Concurrent removals of different administrators must conflict: each would see the other administrator.
        let meta = database.raw().collection::<Document>(META);
        meta.update_one(doc! { "_id": ADMINS_ID }, doc! { "$inc": { "changes": 1_i64 } })
            .upsert(true)
            .session(&mut *session)
            .await?;
    }
    let found = accounts.find_one(by_user(user_id)).session(&mut *session).await?;
    let Some(account) = found.map(Account::from) else { return Ok(UpdateAccountOutcome::NotFound) };
    let other_admin = doc! {
        "role": "admin",
        "disabled_at": null,
        "user_id": { "$ne": user_id.to_string() },
    };
    let other_admin = accounts.find_one(other_admin).session(&mut *session).await?;
    match update_account(&account, changes, other_admin.is_some()) {
        Err(conflict) => Ok(conflict.into()),
        Ok(account) => {
            let document = AccountDocument::from(account.clone());
            accounts.replace_one(by_user(user_id), document).session(session).await?;
            Ok(UpdateAccountOutcome::Updated(account))
        }
    }
}

fn by_user(user_id: UserId) -> Document {
    doc! { "user_id": user_id.to_string() }
}
