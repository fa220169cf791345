//! Signs users in and out, and manages their accounts.

use std::sync::Arc;

use webchat_domain::{
    Account, AccountName, AccountRole, Password, Session, SessionId, SignIn, UserId,
};
use webchat_persistence::{
    AccountUpdate, CreateAccountOutcome, NewPassword, Signal, UpdateAccountOutcome,
};

use super::attempts::{Origin, SignInAttempts};
use super::passwords::{Passwords, Verified};
use super::ports::{AccountPorts, SessionLifetimes};
use super::sign_in_attempt::SignInAttempt;
use crate::error::ChatError;
use crate::runtime::error_chain::error_chain;

/// The maximum number of sessions of a user. A further sign-in ends the one that was signed in first.
const MAX_SESSIONS: usize = 100;

/// The use cases of accounts.
#[derive(Clone)]
pub struct Accounts {
    ports: AccountPorts,
    lifetimes: SessionLifetimes,
    attempts: Arc<SignInAttempts>,
    passwords: Passwords,
}

/// A user with the right password.
struct Authenticated {
    account: Account,
    /// Whether the password should be hashed again.
    is_outdated: bool,
}

impl Accounts {
    /// Builds the service.
    #[must_use]
    pub fn new(ports: AccountPorts, lifetimes: SessionLifetimes) -> Self {
        Self { ports, lifetimes, attempts: Arc::default(), passwords: Passwords::default() }
    }

    /// Signs a user in, and returns a new session. It takes equally long whether the name or the password is wrong.
    ///
    /// # Errors
    /// [`ChatError::WrongCredentials`]; [`ChatError::TooManySignIns`] after failed attempts with this name or from this
    /// network; if the password is right, [`ChatError::AccountDisabled`] and [`ChatError::PasswordChangeRequired`].
    pub async fn sign_in(&self, attempt: SignInAttempt) -> Result<(Session, Account), ChatError> {
        let Authenticated { account, is_outdated } = self.authenticate(&attempt).await?;
        if account.must_change_password {
            return Err(ChatError::PasswordChangeRequired);
        }
        if is_outdated {
            let update = self.new_password(attempt.password, false).await?;
            let expected_version = Some(account.version);
            self.update(account.user_id, AccountUpdate { expected_version, ..update }).await?;
        }
        let user_id = self.adopt(&account, attempt.adopted).await?;
        self.start_session(user_id, account.version, attempt.user_agent).await
    }

    /// Changes the password of a user, ends the user's sessions with their live connections, and returns a new session.
    ///
    /// # Errors
    /// Those of [`Accounts::sign_in`], but a password that must be changed is accepted;
    /// [`ChatError::PasswordTooShort`] and [`ChatError::WeakPassword`] if `new` is refused.
    pub async fn change_password(
        &self,
        attempt: SignInAttempt,
        new: Password,
    ) -> Result<(Session, Account), ChatError> {
        let Authenticated { account, .. } = self.authenticate(&attempt).await?;
        if new == attempt.password {
            return Err(ChatError::SamePassword);
        }
        self.check_new_password(&new, &account.name).await?;
        let user_id = self.adopt(&account, attempt.adopted).await?;
        let update = AccountUpdate {
            ends_sessions: true,
            expected_version: Some(account.version),
            ..self.new_password(new, false).await?
        };
        let account = self.update(user_id, update).await?;
        self.end_all_sessions(user_id).await?;
        self.start_session(user_id, account.version, attempt.user_agent).await
    }

    /// Adds an account, and returns a new session of its user.
    ///
    /// # Errors
    /// Those of [`Accounts::add`].
    pub async fn sign_up(
        &self,
        name: AccountName,
        attempt: SignInAttempt,
    ) -> Result<(Session, Account), ChatError> {
        let account = self.add(name, AccountRole::User, Some(attempt.password), false).await?;
        let user_id = self.adopt(&account, attempt.adopted).await?;
        self.start_session(user_id, account.version, attempt.user_agent).await
    }

    /// Finds the account with this name and password. Disabled accounts are errors.
    async fn authenticate(&self, attempt: &SignInAttempt) -> Result<Authenticated, ChatError> {
        // An invalid name counts as one that nobody has.
        let name: Option<AccountName> = attempt.name.parse().ok();
        let origin = attempt.device.map_or(Origin::Network(attempt.network), Origin::Device);
        let now = self.ports.clock.now();
        let counted = SignInAttempts::begin(&self.attempts, name.as_ref(), origin, now)
            .map_err(|retry_after| ChatError::TooManySignIns { retry_after })?;
        let (account, is_outdated) = match self.verify(name, attempt.password.clone()).await {
            Ok((Some(account), Verified::Yes { is_outdated })) => (account, is_outdated),
            Ok(_) => return Err(ChatError::WrongCredentials),
            Err(error) => {
                counted.cancel();
                return Err(error);
            }
        };
        counted.succeed();
        if account.disabled_at.is_some() {
            return Err(ChatError::AccountDisabled);
        }
        Ok(Authenticated { account, is_outdated })
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

    /// Checks the password of a user who is signed in, before a change that needs it.
    ///
    /// # Errors
    /// [`ChatError::WrongCredentials`]; [`ChatError::TooManySignIns`] after failed attempts.
    pub async fn confirm_password(&self, attempt: SignInAttempt) -> Result<(), ChatError> {
        self.authenticate(&attempt).await?;
        Ok(())
    }

    /// Stores a new session of the user. If the account has another version in the meantime, there is none.
    async fn start_session(
        &self,
        user_id: UserId,
        account_version: u32,
        device: String,
    ) -> Result<(Session, Account), ChatError> {
        let now = self.ports.clock.now();
        let update = AccountUpdate {
            signed_in_at: Some(now),
            expected_version: Some(account_version),
            ..AccountUpdate::default()
        };
        let account = self.update(user_id, update).await?;
        for oldest in self.sessions(user_id).await?.iter().skip(MAX_SESSIONS - 1) {
            self.sign_out(&oldest.session).await?;
        }
        let session = Session {
            sign_in: Some(SignIn { at: now, device, account_version }),
            ..Session::anonymous(SessionId::generate(), user_id)
        };
        let expires_at = now.plus(self.lifetimes.idle);
        self.ports.sessions.start(&session, now, expires_at).await?;
        Ok((session, account))
    }

    /// Ends a session, and closes its live connections on all instances.
    ///
    /// # Errors
    /// When the session can't be deleted.
    pub async fn sign_out(&self, session: &Session) -> Result<(), ChatError> {
        self.ports.sessions.delete(session.session_id).await?;
        self.signal_ended_sessions(session.user_id).await;
        Ok(())
    }

    /// Returns the account of a user; `None` if the user is anonymous.
    ///
    /// # Errors
    /// When the account can't be read.
    pub async fn find(&self, user_id: UserId) -> Result<Option<Account>, ChatError> {
        Ok(self.ports.accounts.find(user_id).await?)
    }

    /// Ends all sessions of a user except `kept`, and closes their live connections on all instances.
    ///
    /// # Errors
    /// When the sessions can't be deleted.
    pub async fn end_sessions(
        &self,
        user_id: UserId,
        kept: Option<SessionId>,
    ) -> Result<(), ChatError> {
        // Otherwise, no live connection needs to check its session.
        if self.ports.sessions.delete_signed_in(user_id, kept).await? {
            self.signal_ended_sessions(user_id).await;
        }
        Ok(())
    }

    /// Ends all sessions of a user, and makes all live connections check their access, also those with an API key.
    async fn end_all_sessions(&self, user_id: UserId) -> Result<(), ChatError> {
        self.ports.sessions.delete_signed_in(user_id, None).await?;
        self.signal_ended_sessions(user_id).await;
        Ok(())
    }

    /// Adds an account. `must_change` makes its user choose another password at the first sign-in. Without a password,
    /// nobody can sign in: the account is for programs with API keys.
    ///
    /// # Errors
    /// [`ChatError::NameTaken`], [`ChatError::PasswordTooShort`], [`ChatError::WeakPassword`].
    pub async fn add(
        &self,
        name: AccountName,
        role: AccountRole,
        password: Option<Password>,
        must_change: bool,
    ) -> Result<Account, ChatError> {
        let password = match password {
            Some(password) => {
                self.check_new_password(&password, &name).await?;
                Some(self.passwords.hash(password).await?)
            }
            None => None,
        };
        let account = Account {
            user_id: UserId::generate(),
            name,
            role,
            password,
            must_change_password: must_change,
            version: 0,
            created_at: self.ports.clock.now(),
            disabled_at: None,
            signed_in_at: None,
        };
        match self.ports.accounts.create(account.clone()).await? {
            CreateAccountOutcome::Created => Ok(account),
            CreateAccountOutcome::NameTaken => Err(ChatError::NameTaken),
        }
    }

    /// Returns the account with this name.
    ///
    /// # Errors
    /// [`ChatError::AccountNotFound`].
    pub async fn find_by_name(&self, name: AccountName) -> Result<Account, ChatError> {
        let found = self.ports.accounts.find_by_name(name).await?;
        found.ok_or(ChatError::AccountNotFound)
    }

    /// Returns at most `max` accounts whose names begin with `prefix`, in the order of their names, after `after`.
    ///
    /// # Errors
    /// When the accounts can't be read.
    pub async fn list(
        &self,
        prefix: String,
        after: Option<AccountName>,
        max: u32,
    ) -> Result<Vec<Account>, ChatError> {
        Ok(self.ports.accounts.list(prefix, after, max).await?)
    }

    /// Disables an account, and ends its sessions with their live connections. Running answers are completed.
    ///
    /// # Errors
    /// [`ChatError::AccountNotFound`]; [`ChatError::LastAdmin`] if no administrator would remain.
    pub async fn disable(&self, user_id: UserId) -> Result<Account, ChatError> {
        let update = AccountUpdate {
            disabled_at: Some(Some(self.ports.clock.now())),
            ends_sessions: true,
            ..AccountUpdate::default()
        };
        let account = self.update(user_id, update).await?;
        self.end_all_sessions(user_id).await?;
        Ok(account)
    }

    /// Enables a disabled account.
    ///
    /// # Errors
    /// [`ChatError::AccountNotFound`].
    pub async fn enable(&self, user_id: UserId) -> Result<Account, ChatError> {
        let update = AccountUpdate { disabled_at: Some(None), ..AccountUpdate::default() };
        self.update(user_id, update).await
    }

    /// Changes what a user may do, and ends the user's sessions.
    ///
    /// # Errors
    /// [`ChatError::AccountNotFound`]; [`ChatError::LastAdmin`] if no administrator would remain.
    pub async fn set_role(&self, user_id: UserId, role: AccountRole) -> Result<Account, ChatError> {
        let update =
            AccountUpdate { role: Some(role), ends_sessions: true, ..AccountUpdate::default() };
        let account = self.update(user_id, update).await?;
        self.end_all_sessions(user_id).await?;
        Ok(account)
    }

    /// Sets a password that the user must change at the next sign-in, and ends the user's sessions.
    ///
    /// # Errors
    /// [`ChatError::AccountNotFound`], [`ChatError::PasswordTooShort`], [`ChatError::WeakPassword`].
    pub async fn reset_password(
        &self,
        account: &Account,
        password: Password,
    ) -> Result<Account, ChatError> {
        self.check_new_password(&password, &account.name).await?;
        let update = self.new_password(password, true).await?;
        let update = AccountUpdate { ends_sessions: true, ..update };
        let account = self.update(account.user_id, update).await?;
        self.end_all_sessions(account.user_id).await?;
        Ok(account)
    }

    async fn check_new_password(
        &self,
        password: &Password,
        name: &AccountName,
    ) -> Result<(), ChatError> {
        if !password.is_long_enough() {
            return Err(ChatError::PasswordTooShort { min_chars: Password::MIN_CHARS });
        }
        self.passwords.check_strength(password.clone(), name.clone()).await
    }

    async fn new_password(
        &self,
        password: Password,
        must_change: bool,
    ) -> Result<AccountUpdate, ChatError> {
        let password = NewPassword { hash: self.passwords.hash(password).await?, must_change };
        Ok(AccountUpdate { password: Some(password), ..AccountUpdate::default() })
    }

    async fn update(&self, user_id: UserId, update: AccountUpdate) -> Result<Account, ChatError> {
        match self.ports.accounts.update(user_id, update).await? {
            UpdateAccountOutcome::Updated(account) => Ok(account),
            UpdateAccountOutcome::NotFound => Err(ChatError::AccountNotFound),
            UpdateAccountOutcome::LastAdmin => Err(ChatError::LastAdmin),
            // Somebody else has just changed the password, or disabled the account.
            UpdateAccountOutcome::Changed => Err(ChatError::WrongCredentials),
        }
    }

    /// Tells all instances. Best effort: live connections also check their session at intervals.
    async fn signal_ended_sessions(&self, user_id: UserId) {
        let signal = Signal::SessionsEnded { user_id };
        if let Err(error) = self.ports.signals.publish(signal).await {
            tracing::warn!(error = error_chain(&error), "failed to signal ended sessions");
        }
    }
}

mod adoption;
mod sessions;
#[cfg(test)]
mod tests;
