//! Signs users in and out, and manages their accounts.

use std::sync::Arc;
use std::time::Duration;

use webchat_domain::{
    Account, AccountName, AccountRole, Clock, Network, Password, Session, SessionId, SignIn, UserId,
};
use webchat_persistence::{
    self as persistence, AccountUpdate, CreateAccountOutcome, NewPassword, Sessions, Signal,
    Signals, StoredSession, UpdateAccountOutcome,
};

use super::attempts::SignInAttempts;
use super::passwords::{Passwords, Verified};
use crate::error::ChatError;
use crate::runtime::error_chain::error_chain;

/// The use cases of accounts.
#[derive(Clone)]
pub struct Accounts {
    ports: AccountPorts,
    session_ttl: Duration,
    attempts: Arc<SignInAttempts>,
    passwords: Passwords,
}

/// The ports of accounts.
#[derive(Clone)]
#[expect(missing_docs, reason = "the ports have the documentation")]
pub struct AccountPorts {
    pub accounts: Arc<dyn persistence::Accounts>,
    pub sessions: Arc<dyn Sessions>,
    pub signals: Arc<dyn Signals>,
    pub clock: Arc<dyn Clock>,
}

/// An attempt to sign in.
#[derive(Clone, Debug)]
pub struct SignInAttempt {
    /// The name, as it was entered.
    pub name: String,
    /// The password.
    pub password: Password,
    /// The network of the client.
    pub network: Network,
    /// The browser and system of the client, for the list of sessions; empty if unknown.
    pub device: String,
    /// The anonymous session of the browser, if its conversations should become those of the account at the first
    /// sign-in.
    pub adopted: Option<Session>,
}

/// A user with the right password.
struct Authenticated {
    account: Account,
    /// Whether the password should be hashed again.
    is_outdated: bool,
}

impl Accounts {
    /// Builds the service. A session lasts for `session_ttl` after its last use.
    #[must_use]
    pub fn new(ports: AccountPorts, session_ttl: Duration) -> Self {
        Self { ports, session_ttl, attempts: Arc::default(), passwords: Passwords::default() }
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
        self.start_session(user_id, account.version, attempt.device).await
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
        let user_id = self.adopt(&account, attempt.adopted).await?;
        self.check_new_password(&new, &account.name).await?;
        let update = AccountUpdate {
            ends_sessions: true,
            expected_version: Some(account.version),
            ..self.new_password(new, false).await?
        };
        let account = self.update(user_id, update).await?;
        self.end_sessions(user_id, None).await?;
        self.start_session(user_id, account.version, attempt.device).await
    }

    /// Makes the user of an anonymous session that of the account, if nobody has signed in to it yet. The anonymous
    /// session ends. Returns the account's user.
    async fn adopt(
        &self,
        account: &Account,
        anonymous: Option<Session>,
    ) -> Result<UserId, ChatError> {
        let anonymous = anonymous.filter(|session| session.sign_in.is_none());
        let Some(session) = anonymous.filter(|_| account.signed_in_at.is_none()) else {
            return Ok(account.user_id);
        };
        let (accounts, now) = (&self.ports.accounts, self.ports.clock.now());
        if accounts.adopt_user(account.user_id, session.user_id, now).await? {
            self.sign_out(&session).await?;
            return Ok(session.user_id);
        }
        // A concurrent sign-in was the first one.
        Ok(self.find_by_name(account.name.clone()).await?.user_id)
    }

    /// Finds the account with this name and password. Disabled accounts are errors.
    async fn authenticate(&self, attempt: &SignInAttempt) -> Result<Authenticated, ChatError> {
        // An invalid name counts as one that nobody has.
        let name: Option<AccountName> = attempt.name.parse().ok();
        let (network, now) = (attempt.network, self.ports.clock.now());
        let counted = SignInAttempts::begin(&self.attempts, name.as_ref(), network, now)
            .map_err(|retry_after| ChatError::TooManySignIns { retry_after })?;
        let account = match &name {
            Some(name) => self.ports.accounts.find_by_name(name.clone()).await?,
            None => None,
        };
        let hash = account.as_ref().and_then(|account| account.password.clone());
        let verified = self.passwords.verify(attempt.password.clone(), hash).await?;
        let (Some(account), Verified::Yes { is_outdated }) = (account, verified) else {
            counted.fail(self.ports.clock.now());
            return Err(ChatError::WrongCredentials);
        };
        counted.succeed(self.ports.clock.now());
        if account.disabled_at.is_some() {
            return Err(ChatError::AccountDisabled);
        }
        Ok(Authenticated { account, is_outdated })
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
        let session = Session {
            sign_in: Some(SignIn { at: now, device, account_version }),
            ..Session::anonymous(SessionId::generate(), user_id)
        };
        let expires_at = now.plus(self.session_ttl);
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

    /// Returns whether a stored session still gives access: that of a signed-in user if the account is enabled and has
    /// the same version, that of an anonymous user if the user has no account.
    ///
    /// # Errors
    /// When the account can't be read.
    pub async fn accepts(&self, session: &Session) -> Result<bool, ChatError> {
        let account = self.ports.accounts.find(session.user_id).await?;
        Ok(match (&session.sign_in, account) {
            (Some(sign_in), Some(account)) => {
                account.disabled_at.is_none() && account.version == sign_in.account_version
            }
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        })
    }

    /// Returns the account of the user who is signed in to the session.
    ///
    /// # Errors
    /// [`ChatError::AuthenticationRequired`] if nobody is signed in, or if the account is gone.
    pub async fn signed_in(&self, session: &Session) -> Result<Account, ChatError> {
        if session.sign_in.is_none() {
            return Err(ChatError::AuthenticationRequired);
        }
        let account = self.ports.accounts.find(session.user_id).await?;
        account.ok_or(ChatError::AuthenticationRequired)
    }

    /// Returns the sessions in which the user is signed in, the one signed in last first.
    ///
    /// # Errors
    /// When the sessions can't be read.
    pub async fn sessions(&self, user_id: UserId) -> Result<Vec<StoredSession>, ChatError> {
        let now = self.ports.clock.now();
        let mut sessions = self.ports.sessions.list_signed_in(user_id, now).await?;
        sessions.sort_by_key(|stored| stored.session.sign_in.as_ref().map(|sign_in| sign_in.at));
        sessions.reverse();
        Ok(sessions)
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
        self.ports.sessions.delete_signed_in(user_id, kept).await?;
        self.signal_ended_sessions(user_id).await;
        Ok(())
    }

    /// Adds an account. `must_change` makes its user choose another password at the first sign-in.
    ///
    /// # Errors
    /// [`ChatError::NameTaken`], [`ChatError::PasswordTooShort`], [`ChatError::WeakPassword`].
    pub async fn add(
        &self,
        name: AccountName,
        role: AccountRole,
        password: Password,
        must_change: bool,
    ) -> Result<Account, ChatError> {
        self.check_new_password(&password, &name).await?;
        let account = Account {
            user_id: UserId::generate(),
            name,
            role,
            password: Some(self.passwords.hash(password).await?),
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
        self.end_sessions(user_id, None).await?;
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
        self.end_sessions(user_id, None).await?;
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
        self.end_sessions(account.user_id, None).await?;
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

#[cfg(test)]
mod tests;
