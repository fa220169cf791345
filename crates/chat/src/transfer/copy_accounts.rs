//! Copies all accounts of one store to another.

use webchat_persistence::{AccountFilter, Accounts, ApiKeys, CreateAccountOutcome, Identities};

use super::copy::{CopyError, PAGE_SIZE};

/// The ports that accounts are copied from, or to.
#[derive(Clone, Copy)]
#[expect(missing_docs, reason = "the ports have the documentation")]
pub struct AccountStore<'a> {
    pub accounts: &'a dyn Accounts,
    pub api_keys: &'a dyn ApiKeys,
    pub identities: &'a dyn Identities,
}

/// Copies all accounts with their groups, API keys and identities from one store to another. Existing accounts of the target are kept. An
/// interrupted copy can be run again. Sessions are not copied: users sign in again.
///
/// # Errors
/// See [`CopyError`].
pub async fn copy_accounts(from: AccountStore<'_>, to: AccountStore<'_>) -> Result<(), CopyError> {
    let mut after = None;
    loop {
        let page = from.accounts.list(AccountFilter::default(), after, PAGE_SIZE).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = Some(last.name.clone());
        for account in page {
            let (user_id, name) = (account.user_id, account.name.clone());
            if to.accounts.create(account, None).await? == CreateAccountOutcome::NameTaken {
                if to.accounts.find(user_id).await?.is_none_or(|existing| existing.name != name) {
                    return Err(CopyError::NameTaken(name));
                }
                // Keys that were revoked since the last copy must not return.
                continue;
            }
            for identity in from.identities.list_identities(user_id).await? {
                to.identities.link_identity(identity, None).await?;
            }
            for key in from.api_keys.list(user_id).await? {
                to.api_keys.create(key, None).await?;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::slice;

    use webchat_domain::{
        Account, AccountGroups, AccountRole, ApiKey, ApiKeyId, ApiKeySecret, GroupNames,
        GroupSource, UserId,
    };
    use webchat_persistence_sqlite::SqliteStore;

    use super::*;
    use crate::testing::START;

    fn stores(store: &SqliteStore) -> AccountStore<'_> {
        AccountStore { accounts: store, api_keys: store, identities: store }
    }

    #[tokio::test]
    async fn accounts_are_copied_once_and_a_taken_name_stops_the_copy() {
        let account = |name: &str| Account {
            user_id: UserId::generate(),
            name: name.parse().unwrap(),
            role: AccountRole::Admin,
            groups: AccountGroups::default(),
            password: None,
            must_change_password: false,
            version: 0,
            created_at: START,
            disabled_at: None,
            signed_in_at: Some(START),
            has_had_key: true,
        };
        let (dir, other_dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let from = SqliteStore::open(&dir.path().join("webchat.db")).await.unwrap();
        let to = SqliteStore::open(&other_dir.path().join("webchat.db")).await.unwrap();
        let key = ApiKey {
            key_id: ApiKeyId::generate(),
            user_id: UserId::generate(),
            name: "nightly report".parse().unwrap(),
            hash: ApiKeySecret::generate().unwrap().hash(),
            scopes: "read".parse().unwrap(),
            created_at: START,
            expires_at: None,
            last_used_at: None,
        };
        let mut accounts: Vec<_> =
            (0..250).map(|number| account(&format!("user{number:03}"))).collect();
        let staff = GroupNames::try_from(BTreeSet::from(["staff".parse().unwrap()])).unwrap();
        accounts[7].groups.set(GroupSource::Manual, staff);
        for account in &accounts {
            Accounts::create(&from, account.clone(), None).await.unwrap();
        }
        let key = ApiKey { user_id: accounts[0].user_id, ..key };
        ApiKeys::create(&from, key.clone(), None).await.unwrap();

        copy_accounts(stores(&from), stores(&to)).await.unwrap();
        copy_accounts(stores(&from), stores(&to)).await.unwrap();

        assert_eq!(
            Accounts::list(&to, AccountFilter::default(), None, 999).await.unwrap(),
            accounts
        );
        let group = AccountFilter { group: Some("staff".parse().unwrap()), ..Default::default() };
        let members = Accounts::list(&to, group, None, 9).await.unwrap();
        assert_eq!(members, slice::from_ref(&accounts[7]));
        assert_eq!(ApiKeys::list(&to, key.user_id).await.unwrap(), slice::from_ref(&key));
        ApiKeys::delete(&to, key.user_id, key.key_id, None).await.unwrap();
        copy_accounts(stores(&from), stores(&to)).await.unwrap();
        assert_eq!(ApiKeys::list(&to, key.user_id).await.unwrap(), []);
        Accounts::create(&from, account("zoe"), None).await.unwrap();
        Accounts::create(&to, account("zoe"), None).await.unwrap();
        let taken = copy_accounts(stores(&from), stores(&to)).await;
        assert!(matches!(taken, Err(CopyError::NameTaken(_))), "{taken:?}");
    }
}
