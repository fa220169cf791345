//! Copies all accounts of one store to another.

use webchat_persistence::{Accounts, CreateAccountOutcome};

use super::copy::{CopyError, PAGE_SIZE};

/// Copies all accounts from one store to another. Existing accounts of the target are kept. An interrupted copy can be
/// run again. Sessions are not copied: users sign in again.
///
/// # Errors
/// See [`CopyError`].
pub async fn copy_accounts(from: &dyn Accounts, to: &dyn Accounts) -> Result<(), CopyError> {
    let mut after = None;
    loop {
        let page = from.list(String::new(), after, PAGE_SIZE).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = Some(last.name.clone());
        for account in page {
            let (user_id, name) = (account.user_id, account.name.clone());
            if to.create(account).await? == CreateAccountOutcome::NameTaken
                && to.find(user_id).await?.is_none_or(|existing| existing.name != name)
            {
                return Err(CopyError::NameTaken(name));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use webchat_domain::{Account, AccountRole, UserId};
    use webchat_persistence_sqlite::SqliteStore;

    use super::*;
    use crate::testing::START;

    #[tokio::test]
    async fn accounts_are_copied_once_and_a_taken_name_stops_the_copy() {
        let account = |name: &str| Account {
            user_id: UserId::generate(),
            name: name.parse().unwrap(),
            role: AccountRole::Admin,
            password: None,
            must_change_password: false,
            version: 0,
            created_at: START,
            disabled_at: None,
            signed_in_at: Some(START),
        };
        let (dir, other_dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let from = SqliteStore::open(&dir.path().join("webchat.db")).await.unwrap();
        let to = SqliteStore::open(&other_dir.path().join("webchat.db")).await.unwrap();
        let (from, to): (&dyn Accounts, &dyn Accounts) = (&from, &to);
        let accounts: Vec<_> =
            (0..250).map(|number| account(&format!("user{number:03}"))).collect();
        for account in &accounts {
            from.create(account.clone()).await.unwrap();
        }

        copy_accounts(from, to).await.unwrap();
        copy_accounts(from, to).await.unwrap();

        assert_eq!(to.list(String::new(), None, 999).await.unwrap(), accounts);
        from.create(account("zoe")).await.unwrap();
        to.create(account("zoe")).await.unwrap();
        let taken = copy_accounts(from, to).await;
        assert!(matches!(taken, Err(CopyError::NameTaken(_))), "{taken:?}");
    }
}
