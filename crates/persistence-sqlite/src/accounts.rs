//! Implements [`Accounts`].

mod groups;
mod identities;

use async_trait::async_trait;
use rusqlite::{OptionalExtension, Transaction, params};
use webchat_domain::{
    Account, AccountName, AccountRole, GroupName, NewAuditEntry, PasswordHash, Timestamp, UserId,
};
use webchat_persistence::rules::{StoredName, update_account};
use webchat_persistence::{
    AccountFilter, AccountUpdate, Accounts, CreateAccountOutcome, Group, StoreError,
    UpdateAccountOutcome,
};

use self::groups::{group_sources, list_groups, set_members, source_json};
use crate::SqliteStore;
use crate::erasures::is_being_erased;
use crate::rows::{Columns, read};

/// The columns of an account, in the order of [`account`].
const ACCOUNT: &str = "user_id, name, role, password, must_change_password, version, \
                       created_at, disabled_at, signed_in_at, group_sources, has_had_key";

#[async_trait]
impl Accounts for SqliteStore {
    async fn create(
        &self,
        account: Account,
        audit: Option<NewAuditEntry>,
    ) -> Result<CreateAccountOutcome, StoreError> {
        self.write_audited(audit, move |transaction| {
            if find_by_name(transaction, &account.name)?.is_some() {
                return Ok((CreateAccountOutcome::NameTaken, false));
            }
            save(transaction, &account)?;
            set_members(transaction, &account)?;
            Ok((CreateAccountOutcome::Created, true))
        })
        .await
    }

    async fn find(&self, user_id: UserId) -> Result<Option<Account>, StoreError> {
        self.database.read(move |transaction| find(transaction, user_id)).await
    }

    async fn find_by_name(&self, name: AccountName) -> Result<Option<Account>, StoreError> {
        self.database.read(move |transaction| find_by_name(transaction, &name)).await
    }

    async fn list(
        &self,
        filter: AccountFilter,
        after: Option<AccountName>,
        max: u32,
    ) -> Result<Vec<Account>, StoreError> {
        self.database
            .read(move |transaction| {
                let after = after.as_ref().map_or("", AccountName::as_str);
                let (from, name) = source(&filter);
                let conditions = conditions(&filter);
                transaction
                    .prepare_cached(&format!(
                        "SELECT {ACCOUNT} FROM {from}
                         WHERE {name} > ?1 AND {name} >= ?2
                             AND substr({name}, 1, length(?2)) = ?2 {conditions}
                         ORDER BY {name} LIMIT ?3"
                    ))?
                    .query_map(
                        params![
                            after,
                            filter.prefix,
                            max,
                            filter.group.as_ref().map(GroupName::as_str)
                        ],
                        read(account),
                    )?
                    .collect()
            })
            .await
    }

    async fn adopt_user(
        &self,
        user_id: UserId,
        anonymous: UserId,
        now: Timestamp,
        audit: Option<NewAuditEntry>,
    ) -> Result<bool, StoreError> {
        self.write_audited(audit, move |transaction| {
            let updated = transaction
                .prepare_cached(
                    "UPDATE accounts SET user_id = ?2, signed_in_at = ?3
                         WHERE user_id = ?1 AND signed_in_at IS NULL AND NOT has_had_key
                             AND NOT EXISTS (SELECT 1 FROM accounts WHERE user_id = ?2)
                             AND NOT EXISTS (SELECT 1 FROM conversations WHERE user_id = ?1)
                             AND NOT EXISTS (SELECT 1 FROM erasures WHERE user_id IN (?1, ?2))",
                )?
                .execute(params![user_id.to_simple(), anonymous.to_simple(), now.unix_millis()])?;
            Ok((updated > 0, updated > 0))
        })
        .await
    }

    async fn update(
        &self,
        user_id: UserId,
        mut update: AccountUpdate,
    ) -> Result<UpdateAccountOutcome, StoreError> {
        self.write_audited(update.audit.take(), move |transaction| {
            let Some(account) = find(transaction, user_id)? else {
                return Ok((UpdateAccountOutcome::NotFound, false));
            };
            if is_being_erased(transaction, user_id)? {
                return Ok((UpdateAccountOutcome::BeingErased, false));
            }
            let has_other_admin = has_other_admin(transaction, user_id)?;
            let changes_groups = update.groups.is_some();
            match update_account(&account, update, has_other_admin) {
                Err(conflict) => Ok((conflict.into(), false)),
                Ok(account) => {
                    save(transaction, &account)?;
                    if changes_groups {
                        set_members(transaction, &account)?;
                    }
                    Ok((UpdateAccountOutcome::Updated(account), true))
                }
            }
        })
        .await
    }

    async fn list_groups(
        &self,
        prefix: String,
        after: Option<GroupName>,
        max: u32,
    ) -> Result<Vec<Group>, StoreError> {
        let list = move |transaction: &Transaction<'_>| {
            list_groups(transaction, &prefix, after.as_ref(), max)
        };
        self.database.read(list).await
    }
}

pub(crate) fn find(
    transaction: &Transaction<'_>,
    user_id: UserId,
) -> rusqlite::Result<Option<Account>> {
    transaction
        .prepare_cached(&format!("SELECT {ACCOUNT} FROM accounts WHERE user_id = ?1"))?
        .query_row([user_id.to_simple()], read(account))
        .optional()
}

fn find_by_name(
    transaction: &Transaction<'_>,
    name: &AccountName,
) -> rusqlite::Result<Option<Account>> {
    transaction
        .prepare_cached(&format!("SELECT {ACCOUNT} FROM accounts WHERE name = ?1"))?
        .query_row([name.as_str()], read(account))
        .optional()
}

/// Returns whether most of the accounts in the filter's group match the filter. Otherwise, the indexes of the roles and of
/// the disabled accounts find fewer than those of the group.
fn starts_with_group(filter: &AccountFilter) -> bool {
    let is_common = matches!(filter.role, None | Some(AccountRole::User));
    filter.group.is_some() && is_common && filter.is_disabled != Some(true)
}

/// Returns the tables that a filter reads, and the column with the names of the accounts, by which they are read.
fn source(filter: &AccountFilter) -> (&'static str, &'static str) {
    if starts_with_group(filter) {
        // `CROSS JOIN` reads the group first.
        let tables = "group_members CROSS JOIN accounts ON accounts.name = account_name";
        (tables, "account_name")
    } else {
        ("accounts", "name")
    }
}

/// Returns the conditions of a filter for the role, the state and the group (`?4`). Few accounts are disabled, so the index
/// of these is better than that of a role, which the `+` excludes.
fn conditions(filter: &AccountFilter) -> String {
    let column = if filter.is_disabled == Some(true) { "+role" } else { "role" };
    let role = filter.role.map(|role| format!(" AND {column} = '{}'", role.stored_name()));
    let state = match filter.is_disabled {
        Some(true) => " AND disabled_at IS NOT NULL",
        Some(false) => " AND disabled_at IS NULL",
        None => "",
    };
    let group = if starts_with_group(filter) {
        " AND group_name = ?4"
    } else {
        " AND (?4 IS NULL OR EXISTS
             (SELECT 1 FROM group_members WHERE group_name = ?4 AND account_name = name))"
    };
    role.unwrap_or_default() + state + group
}

/// Returns whether there is an active administrator other than this user, who can sign in: with a password, or as before
/// with an identity or through a proxy. API keys are no sign-in.
pub(crate) fn has_other_admin(
    transaction: &Transaction<'_>,
    user_id: UserId,
) -> rusqlite::Result<bool> {
    transaction
        .prepare_cached(
            "SELECT 1 FROM accounts
             WHERE role = 'admin' AND disabled_at IS NULL AND user_id <> ?1
                 AND (password IS NOT NULL OR signed_in_at IS NOT NULL)",
        )?
        .exists([user_id.to_simple()])
}

pub(crate) fn save(transaction: &Transaction<'_>, account: &Account) -> rusqlite::Result<()> {
    transaction
        .prepare_cached(&format!(
            "INSERT INTO accounts ({ACCOUNT}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
             ON CONFLICT (user_id) DO UPDATE SET
                 role = ?3, password = ?4, must_change_password = ?5, version = ?6, disabled_at = ?8,
                 signed_in_at = ?9, group_sources = ?10, has_had_key = ?11"
        ))?
        .execute(params![
            account.user_id.to_simple(),
            account.name.as_str(),
            account.role.stored_name(),
            account.password.as_ref().map(PasswordHash::expose),
            account.must_change_password,
            account.version,
            account.created_at.unix_millis(),
            account.disabled_at.map(Timestamp::unix_millis),
            account.signed_in_at.map(Timestamp::unix_millis),
            source_json(&account.groups)?,
            account.has_had_key,
        ])?;
    Ok(())
}

fn account(columns: &mut Columns<'_>) -> rusqlite::Result<Account> {
    Ok(Account {
        user_id: columns.parsed()?,
        name: columns.parsed()?,
        role: columns.enum_value()?,
        password: columns.text_option()?.map(|phc| PasswordHash::new(phc.to_owned())),
        must_change_password: columns.value()?,
        version: columns.value()?,
        created_at: columns.timestamp()?,
        disabled_at: columns.timestamp_option()?,
        signed_in_at: columns.timestamp_option()?,
        groups: group_sources(columns)?,
        has_had_key: columns.value()?,
    })
}
