//! The changes of accounts.

use webchat_domain::{Account, Timestamp};

use crate::{AccountUpdate, GroupUpdate, UpdateAccountOutcome};

/// The reason why an account is not changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountConflict {
    /// The change would leave no active administrator.
    LastAdmin,
    /// The account has another version or other groups than expected.
    Changed,
}

impl From<AccountConflict> for UpdateAccountOutcome {
    fn from(conflict: AccountConflict) -> Self {
        match conflict {
            AccountConflict::LastAdmin => Self::LastAdmin,
            AccountConflict::Changed => Self::Changed,
        }
    }
}

/// Returns the account after an update. `has_other_admin` says whether there is another active administrator; it is
/// needed only if [`may_remove_admin`].
///
/// # Errors
/// See [`AccountConflict`].
pub fn update_account(
    account: &Account,
    update: AccountUpdate,
    has_other_admin: bool,
) -> Result<Account, AccountConflict> {
    if update.expected_version.is_some_and(|expected| expected != account.version) {
        return Err(AccountConflict::Changed);
    }
    let mut updated = account.clone();
    if let Some(role) = update.role {
        updated.role = role;
    }
    if let Some(GroupUpdate { source, expected, names }) = update.groups {
        if *account.groups.of(&source) != expected {
            return Err(AccountConflict::Changed);
        }
        updated.groups.set(source, names);
    }
    if let Some(disabled_at) = update.disabled_at {
        updated.disabled_at = disabled_at;
    }
    if let Some(password) = update.password {
        updated.password = Some(password.hash);
        updated.must_change_password = password.must_change;
    }
    if update.ends_sessions {
        updated.version = account.version.wrapping_add(1);
    }
    updated.signed_in_at = update.signed_in_at.or(account.signed_in_at);
    updated.has_had_key |= update.adds_key;
    let removes_admin = account.is_active_admin() && !updated.is_active_admin();
    if removes_admin && !has_other_admin { Err(AccountConflict::LastAdmin) } else { Ok(updated) }
}

/// Returns an account that is going to be erased: disabled, and with another version, so that its sessions end.
///
/// # Errors
/// [`AccountConflict::LastAdmin`].
pub fn disable_for_erasure(
    account: &Account,
    at: Timestamp,
    has_other_admin: bool,
) -> Result<Account, AccountConflict> {
    let disabled_at = Some(account.disabled_at.or(Some(at)));
    let update = AccountUpdate { disabled_at, ends_sessions: true, ..AccountUpdate::default() };
    update_account(account, update, has_other_admin)
}

/// Returns whether an update could make an administrator an ordinary or disabled user.
#[must_use]
pub fn may_remove_admin(update: &AccountUpdate) -> bool {
    update.role.is_some() || matches!(update.disabled_at, Some(Some(_)))
}
