//! The documents of the collection `accounts`.

use serde::{Deserialize, Serialize};
use serde_with::{DisplayFromStr, serde_as};
use webchat_domain::{
    Account, AccountGroups, AccountName, AccountRole, GroupName, PasswordHash, Timestamp, UserId,
};

use super::values::Date;

/// A document of `accounts`.
#[serde_as]
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct AccountDocument {
    #[serde_as(as = "DisplayFromStr")]
    user_id: UserId,
    name: AccountName,
    role: AccountRole,
    #[serde(default)]
    group_sources: AccountGroups,
    /// All groups, whichever sources they have, for the index.
    #[serde(default)]
    groups: Vec<GroupName>,
    password: Option<String>,
    must_change_password: bool,
    version: u32,
    #[serde_as(as = "Date")]
    created_at: Timestamp,
    #[serde_as(as = "Option<Date>")]
    disabled_at: Option<Timestamp>,
    #[serde_as(as = "Option<Date>")]
    signed_in_at: Option<Timestamp>,
    #[serde(default)]
    has_had_key: bool,
}

impl From<Account> for AccountDocument {
    fn from(account: Account) -> Self {
        Self {
            user_id: account.user_id,
            name: account.name,
            role: account.role,
            groups: account.groups.names().into_iter().cloned().collect(),
            group_sources: account.groups,
            password: account.password.map(|hash| hash.expose().to_owned()),
            must_change_password: account.must_change_password,
            version: account.version,
            created_at: account.created_at,
            disabled_at: account.disabled_at,
            signed_in_at: account.signed_in_at,
            has_had_key: account.has_had_key,
        }
    }
}

impl From<AccountDocument> for Account {
    fn from(document: AccountDocument) -> Self {
        Self {
            user_id: document.user_id,
            name: document.name,
            role: document.role,
            groups: document.group_sources,
            password: document.password.map(PasswordHash::new),
            must_change_password: document.must_change_password,
            version: document.version,
            created_at: document.created_at,
            disabled_at: document.disabled_at,
            signed_in_at: document.signed_in_at,
            has_had_key: document.has_had_key,
        }
    }
}
