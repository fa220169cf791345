//! What administrators and auditors see and do.

use webchat_domain::{AccessMethod, Account, AccountName, AccountRole, Actor, UserId};
use webchat_persistence::AccountFilter;

use super::Accounts;
use crate::accounts::forbidden::Forbidden;
use crate::error::ChatError;

impl Accounts {
    /// Returns the account of a user who may read the accounts and the audit log. The role is read anew by each call.
    ///
    /// # Errors
    /// [`Forbidden::AuditorNeeded`].
    pub async fn require_auditor(&self, user_id: UserId) -> Result<Account, ChatError> {
        self.require(user_id, &[AccountRole::Auditor, AccountRole::Admin])
            .await?
            .ok_or(Forbidden::AuditorNeeded.into())
    }

    /// Checks that somebody may still change accounts: somebody on the command line, or an administrator. For changes that
    /// have waited, because the right may have been withdrawn meanwhile.
    ///
    /// # Errors
    /// Those of [`Accounts::require_admin`].
    pub(super) async fn check_still_admin(&self, actor: &Actor) -> Result<(), ChatError> {
        if actor.via == AccessMethod::CommandLine {
            return Ok(());
        }
        let user_id = actor.user_id.ok_or(ChatError::AuthenticationRequired)?;
        self.require_admin(user_id).await?;
        Ok(())
    }

    /// Returns the account of a user who may change accounts. The role is read anew by each call.
    ///
    /// # Errors
    /// [`Forbidden::AdminNeeded`].
    pub async fn require_admin(&self, user_id: UserId) -> Result<Account, ChatError> {
        self.require(user_id, &[AccountRole::Admin]).await?.ok_or(Forbidden::AdminNeeded.into())
    }

    /// Returns the account of a user if it has one of these roles. A role that the groups at an identity provider have
    /// given ends with the sign-in: API keys do not outlast it.
    async fn require(
        &self,
        user_id: UserId,
        roles: &[AccountRole],
    ) -> Result<Option<Account>, ChatError> {
        let account = self.find(user_id).await?.filter(|account| account.disabled_at.is_none());
        let account = account.ok_or(ChatError::AuthenticationRequired)?;
        if !roles.contains(&account.role) {
            return Ok(None);
        }
        let signed_in_until = account.signed_in_at.map(|at| at.plus(self.lifetimes.signed_in));
        if signed_in_until.is_some_and(|until| self.ports.clock.now() < until) {
            return Ok(Some(account));
        }
        let identities = self.ports.identities.list_identities(user_id).await?;
        let is_of_groups =
            identities.iter().any(|identity| identity.granted_role == Some(account.role));
        Ok(Some(account).filter(|_| !is_of_groups))
    }

    /// Returns the account of a user.
    ///
    /// # Errors
    /// [`ChatError::AccountNotFound`].
    pub async fn get(&self, user_id: UserId) -> Result<Account, ChatError> {
        self.find(user_id).await?.ok_or(ChatError::AccountNotFound)
    }

    /// Returns at most `max` accounts that match a filter, in the order of their names, after `after`.
    ///
    /// # Errors
    /// When the accounts can't be read.
    pub async fn list(
        &self,
        filter: AccountFilter,
        after: Option<AccountName>,
        max: u32,
    ) -> Result<Vec<Account>, ChatError> {
        Ok(self.ports.accounts.list(filter, after, max).await?)
    }

    /// Changes the role of a user, and disables or enables the account. `None`, and what it already is, changes nothing.
    ///
    /// # Errors
    /// Those of [`Accounts::set_role`] and [`Accounts::disable`]. The role may have been changed.
    pub async fn change(
        &self,
        user_id: UserId,
        role: Option<AccountRole>,
        is_disabled: Option<bool>,
        actor: &Actor,
    ) -> Result<Account, ChatError> {
        let mut account = self.get(user_id).await?;
        if let Some(role) = role.filter(|role| *role != account.role) {
            account = self.set_role(user_id, role, actor).await?;
        }
        match (is_disabled, account.disabled_at) {
            (Some(true), None) => self.disable(user_id, actor).await,
            (Some(false), Some(_)) => self.enable(user_id, actor).await,
            _ => Ok(account),
        }
    }
}
