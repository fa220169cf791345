//! Checks who signs in.

use webchat_domain::{
    Account, AccountName, Actor, AuditAction, AuditResult, NewAuditEntry, Password, SignInFailure,
};

use super::Accounts;
use crate::accounts::attempts::{Origin, SignInAttempts};
use crate::accounts::audit::subject_of;
use crate::accounts::passwords::Verified;
use crate::accounts::sign_in_attempt::SignInAttempt;
use crate::error::ChatError;

impl Accounts {
    /// Finds the account with this name and password, and returns whether the password should be hashed again. Disabled
    /// accounts are errors.
    pub(super) async fn authenticate(
        &self,
        attempt: &SignInAttempt,
    ) -> Result<(Account, bool), ChatError> {
        // An invalid name counts as one that nobody has.
        let name: Option<AccountName> = attempt.name.parse().ok();
        let origin = self.origin(attempt, name.as_ref()).await?;
        let now = self.ports.clock.now();
        let counted = SignInAttempts::begin(&self.attempts, name.as_ref(), origin, now)
            .map_err(|retry_after| ChatError::TooManySignIns { retry_after })?;
        let (account, is_outdated) = match self.verify(name, attempt.password.clone()).await {
            Ok((Some(account), Verified::Yes { is_outdated })) => (account, is_outdated),
            Ok((account, _)) => {
                let reason = SignInFailure::WrongCredentials;
                self.record_failure(reason, account.as_ref(), &attempt.actor).await?;
                return Err(ChatError::WrongCredentials);
            }
            Err(error) => {
                counted.cancel();
                return Err(error);
            }
        };
        counted.succeed();
        // The password may have been changed, or the account disabled, while the hash waited.
        let current = self.find(account.user_id).await?;
        let account = current
            .filter(|current| current.password == account.password)
            .ok_or(ChatError::WrongCredentials)?;
        self.check_enabled(&account, &attempt.actor).await?;
        Ok((account, is_outdated))
    }

    /// Returns where an attempt comes from. A device is known only to the account whose user has signed in on it.
    async fn origin(
        &self,
        attempt: &SignInAttempt,
        name: Option<&AccountName>,
    ) -> Result<Origin, ChatError> {
        let network = Origin::Network(attempt.network);
        let (Some(device), Some(name)) = (attempt.device, name) else { return Ok(network) };
        let account = self.ports.accounts.find_by_name(name.clone()).await?;
        let is_known = account.is_some_and(|account| device.is_known_to(&account));
        Ok(if is_known { Origin::Device(device.device_id) } else { network })
    }

    /// Refuses the sign-in to a disabled account.
    pub(in crate::accounts) async fn check_enabled(
        &self,
        account: &Account,
        actor: &Actor,
    ) -> Result<(), ChatError> {
        if account.disabled_at.is_none() {
            return Ok(());
        }
        self.record_failure(SignInFailure::AccountDisabled, Some(account), actor).await?;
        Err(ChatError::AccountDisabled)
    }

    /// Records a failed attempt. A name that no account has is not recorded: it may be a password.
    async fn record_failure(
        &self,
        reason: SignInFailure,
        account: Option<&Account>,
        actor: &Actor,
    ) -> Result<(), ChatError> {
        let account_id = account.map(|account| account.user_id);
        let counted = self.failures.count(account_id, self.ports.clock.now());
        let Some(omitted) = counted else { return Ok(()) };
        let action = AuditAction::SignInFailed { reason, omitted };
        let entry = self.audit.entry(action, account.map(subject_of), actor).await?;
        let result = AuditResult::Refused;
        self.ports.audit.append(NewAuditEntry { result, ..entry }).await?;
        Ok(())
    }

    async fn verify(
        &self,
        name: Option<AccountName>,
        password: Password,
    ) -> Result<(Option<Account>, Verified), ChatError> {
        let account = match name {
            Some(name) => self.ports.accounts.find_by_name(name).await?,
            None => None,
        };
        let hash = account.as_ref().and_then(|account| account.password.clone());
        Ok((account, self.passwords.verify(password, hash).await?))
    }
}
