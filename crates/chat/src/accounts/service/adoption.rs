//! Accounts that get the conversations of another user, and those that must not any more.

use webchat_domain::{
    Account, AccountName, AccountRole, Actor, AuditAction, AuditSubject, NewAuditEntry, Session,
    UserId,
};
use webchat_persistence::AccountUpdate;

use super::Accounts;
use crate::error::ChatError;

impl Accounts {
    /// Makes the user of an anonymous session that of the account, if nobody has used it yet. The anonymous
    /// session ends. Returns the account's user.
    pub(in crate::accounts) async fn adopt(
        &self,
        account: &Account,
        anonymous: Option<Session>,
        actor: &Actor,
    ) -> Result<UserId, ChatError> {
        let anonymous = anonymous.filter(|session| session.sign_in.is_none());
        let Some(session) = anonymous.filter(|_| !account.is_used()) else {
            return Ok(account.user_id);
        };
        let (accounts, now) = (&self.ports.accounts, self.ports.clock.now());
        let actor = actor.signed_in(session.user_id, account.name.clone());
        let audit = Some(self.adoption(account, session.user_id, &actor).await?);
        if accounts.adopt_user(account.user_id, session.user_id, now, audit).await? {
            self.delete_session(&session).await?;
            return Ok(session.user_id);
        }
        // A concurrent sign-in was the first one.
        Ok(self.find_by_name(account.name.clone()).await?.user_id)
    }

    async fn adoption(
        &self,
        account: &Account,
        adopted: UserId,
        actor: &Actor,
    ) -> Result<NewAuditEntry, ChatError> {
        let action = AuditAction::UserAdopted { replaced_user_id: Some(account.user_id) };
        let subject = AuditSubject { user_id: adopted, name: Some(account.name.clone()) };
        self.audit.entry(action, Some(subject), actor).await
    }

    /// Gives an account that nobody has used the conversations of a user without an account.
    ///
    /// # Errors
    /// [`ChatError::AccountNotFound`]; [`ChatError::AccountInUse`] if somebody has used the account, or another
    /// account has the conversations.
    pub async fn adopt_user(
        &self,
        name: AccountName,
        other: UserId,
        actor: &Actor,
    ) -> Result<Account, ChatError> {
        let (account, now) = (self.find_by_name(name).await?, self.ports.clock.now());
        if self.try_adopt(&account, other, actor).await? {
            Ok(Account { user_id: other, signed_in_at: Some(now), ..account })
        } else {
            Err(ChatError::AccountInUse)
        }
    }

    /// Makes `other` the user of an account that nobody has used. Returns `false` if somebody has, or if `other` has an
    /// account.
    pub(in crate::accounts) async fn try_adopt(
        &self,
        account: &Account,
        other: UserId,
        actor: &Actor,
    ) -> Result<bool, ChatError> {
        let now = self.ports.clock.now();
        let audit = Some(self.adoption(account, other, actor).await?);
        Ok(self.ports.accounts.adopt_user(account.user_id, other, now, audit).await?)
    }

    /// Returns the account with this name, after adding it if there is none, without a password. Its user is known by
    /// other means, such as a proxy, so it can adopt no other user any more.
    ///
    /// # Errors
    /// When the account can't be read or added.
    pub async fn find_or_add(
        &self,
        name: AccountName,
        actor: &Actor,
    ) -> Result<Account, ChatError> {
        let account = match self.ports.accounts.find_by_name(name.clone()).await? {
            Some(account) => account,
            None => match self.create(name.clone(), AccountRole::User, None, false, actor).await {
                // Another request was the first one.
                Err(ChatError::NameTaken) => self.find_by_name(name).await?,
                added => added?,
            },
        };
        if account.signed_in_at.is_some() {
            return Ok(account);
        }
        let signed_in_at = Some(self.ports.clock.now());
        let update = AccountUpdate { signed_in_at, ..AccountUpdate::default() };
        self.update(account.user_id, update).await
    }
}
