//! Signs users in and out, and manages their accounts.

use std::sync::Arc;

use tokio::sync::Mutex;
use webchat_domain::{
    Account, AccountGroups, AccountName, AccountRole, Actor, AuditAction, AuditResult,
    NewAuditEntry, Password, PasswordHash, Session, UserId,
};
use webchat_persistence::{AccountUpdate, CreateAccountOutcome, NewPassword, UpdateAccountOutcome};

use super::attempts::SignInAttempts;
use super::audit::{Audit, subject_of};
use super::failed_sign_ins::FailedSignIns;
use super::passwords::Passwords;
use super::ports::{AccountPorts, SessionLifetimes};
use super::sign_in_attempt::SignInAttempt;
use crate::error::ChatError;

/// The use cases of accounts.
#[derive(Clone)]
pub struct Accounts {
    ports: AccountPorts,
    lifetimes: SessionLifetimes,
    audit: Audit,
    attempts: Arc<SignInAttempts>,
    failures: Arc<FailedSignIns>,
    passwords: Passwords,
    /// Held while groups are changed.
    group_changes: Arc<Mutex<()>>,
}

impl Accounts {
    /// Builds the service.
    #[must_use]
    pub fn new(ports: AccountPorts, lifetimes: SessionLifetimes) -> Self {
        Self {
            audit: Audit::new(ports.clone()),
            ports,
            lifetimes,
            attempts: Arc::default(),
            failures: Arc::default(),
            passwords: Passwords::default(),
            group_changes: Arc::default(),
        }
    }

    /// Signs a user in, and returns a new session. It takes equally long whether the name or the password is wrong.
    ///
    /// # Errors
    /// [`ChatError::WrongCredentials`]; [`ChatError::TooManySignIns`] after failed attempts with this name or from this
    /// network; if the password is right, [`ChatError::AccountDisabled`] and [`ChatError::PasswordChangeRequired`].
    pub async fn sign_in(&self, attempt: SignInAttempt) -> Result<(Session, Account), ChatError> {
        let (account, is_outdated) = self.authenticate(&attempt).await?;
        if account.must_change_password {
            return Err(ChatError::PasswordChangeRequired);
        }
        if is_outdated {
            let update = self.new_password(attempt.password, false).await?;
            let expected_version = Some(account.version);
            self.update(account.user_id, AccountUpdate { expected_version, ..update }).await?;
        }
        let user_id = self.adopt(&account, attempt.adopted, &attempt.actor).await?;
        let account = Account { user_id, ..account };
        self.start_session(&account, attempt.user_agent, None, &attempt.actor).await
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
        let (account, _) = self.authenticate(&attempt).await?;
        if new == attempt.password {
            return Err(ChatError::SamePassword);
        }
        self.check_new_password(&new, &account.name).await?;
        let user_id = self.adopt(&account, attempt.adopted, &attempt.actor).await?;
        let account = Account { user_id, ..account };
        let actor = attempt.actor.signed_in(user_id, account.name.clone());
        let subject = Some(subject_of(&account));
        let update = AccountUpdate {
            ends_sessions: true,
            expected_version: Some(account.version),
            audit: Some(self.audit.entry(AuditAction::PasswordChanged, subject, &actor).await?),
            ..self.new_password(new, false).await?
        };
        let account = self.update(user_id, update).await?;
        self.end_all_sessions(user_id).await?;
        self.start_session(&account, attempt.user_agent, None, &attempt.actor).await
    }

    /// Adds an account, and returns a new session of its user.
    ///
    /// # Errors
    /// Those of [`Accounts::add`]; [`ChatError::AmbiguousName`].
    pub async fn sign_up(
        &self,
        name: AccountName,
        attempt: SignInAttempt,
    ) -> Result<(Session, Account), ChatError> {
        if !name.is_unambiguous() {
            return Err(ChatError::AmbiguousName);
        }
        let (password, actor) = (Some(attempt.password), &attempt.actor);
        let password = self.hashed(&name, password).await?;
        let account = self.create(name, AccountRole::User, password, false, actor).await?;
        let user_id = self.adopt(&account, attempt.adopted, actor).await?;
        let account = Account { user_id, ..account };
        self.start_session(&account, attempt.user_agent, None, actor).await
    }

    /// Returns the account of a user; `None` if the user is anonymous.
    ///
    /// # Errors
    /// When the account can't be read.
    pub async fn find(&self, user_id: UserId) -> Result<Option<Account>, ChatError> {
        Ok(self.ports.accounts.find(user_id).await?)
    }

    /// Adds an account. `must_change` makes its user choose another password at the first sign-in. Without a password,
    /// nobody can sign in: the account is for programs with API keys.
    ///
    /// # Errors
    /// [`ChatError::NameTaken`], [`ChatError::PasswordTooShort`], [`ChatError::WeakPassword`]; if the actor is no
    /// administrator any more, those of [`Accounts::require_admin`].
    pub async fn add(
        &self,
        name: AccountName,
        role: AccountRole,
        password: Option<Password>,
        must_change: bool,
        actor: &Actor,
    ) -> Result<Account, ChatError> {
        let password = self.hashed(&name, password).await?;
        self.check_still_admin(actor).await?;
        self.create(name, role, password, must_change, actor).await
    }

    /// Checks and hashes the password of a new account.
    async fn hashed(
        &self,
        name: &AccountName,
        password: Option<Password>,
    ) -> Result<Option<PasswordHash>, ChatError> {
        let Some(password) = password else { return Ok(None) };
        self.check_new_password(&password, name).await?;
        Ok(Some(self.passwords.hash(password).await?))
    }

    async fn create(
        &self,
        name: AccountName,
        role: AccountRole,
        password: Option<PasswordHash>,
        must_change: bool,
        actor: &Actor,
    ) -> Result<Account, ChatError> {
        let account = Account {
            user_id: UserId::generate(),
            name,
            role,
            groups: AccountGroups::default(),
            password,
            must_change_password: must_change,
            version: 0,
            created_at: self.ports.clock.now(),
            disabled_at: None,
            signed_in_at: None,
            has_had_key: false,
        };
        let action = AuditAction::AccountAdded { role };
        let audit = self.audit.entry(action, Some(subject_of(&account)), actor).await?;
        match self.ports.accounts.create(account.clone(), Some(audit)).await? {
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

    /// Disables an account, and ends its sessions with their live connections. Running answers are completed.
    ///
    /// # Errors
    /// [`ChatError::AccountNotFound`]; [`ChatError::LastAdmin`] if no administrator would remain.
    pub async fn disable(&self, user_id: UserId, actor: &Actor) -> Result<Account, ChatError> {
        let action = AuditAction::AccountDisabled;
        let update = AccountUpdate {
            audit: Some(self.audit.entry_about(action, user_id, actor).await?),
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
    pub async fn enable(&self, user_id: UserId, actor: &Actor) -> Result<Account, ChatError> {
        let action = AuditAction::AccountEnabled;
        let audit = Some(self.audit.entry_about(action, user_id, actor).await?);
        let update = AccountUpdate { disabled_at: Some(None), audit, ..AccountUpdate::default() };
        self.update(user_id, update).await
    }

    /// Changes what a user may do, and ends the user's sessions.
    ///
    /// # Errors
    /// [`ChatError::AccountNotFound`]; [`ChatError::LastAdmin`] if no administrator would remain.
    pub async fn set_role(
        &self,
        user_id: UserId,
        role: AccountRole,
        actor: &Actor,
    ) -> Result<Account, ChatError> {
        let action = AuditAction::RoleChanged { role };
        let update = AccountUpdate {
            role: Some(role),
            ends_sessions: true,
            audit: Some(self.audit.entry_about(action, user_id, actor).await?),
            ..AccountUpdate::default()
        };
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
        actor: &Actor,
    ) -> Result<Account, ChatError> {
        self.check_new_password(&password, &account.name).await?;
        let update = self.new_password(password, true).await?;
        self.check_still_admin(actor).await?;
        let subject = Some(subject_of(account));
        let audit = Some(self.audit.entry(AuditAction::PasswordReset, subject, actor).await?);
        let update = AccountUpdate { ends_sessions: true, audit, ..update };
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
        let audit = update.audit.clone();
        match self.ports.accounts.update(user_id, update).await? {
            UpdateAccountOutcome::Updated(account) => Ok(account),
            UpdateAccountOutcome::NotFound => Err(ChatError::AccountNotFound),
            UpdateAccountOutcome::LastAdmin => {
                if let Some(entry) = audit {
                    let refused = NewAuditEntry { result: AuditResult::Refused, ..entry };
                    self.ports.audit.append(refused).await?;
                }
                Err(ChatError::LastAdmin)
            }
            UpdateAccountOutcome::BeingErased => Err(ChatError::AccountBeingErased),
            // Somebody else has just changed the password, or disabled the account.
            UpdateAccountOutcome::Changed => Err(ChatError::WrongCredentials),
        }
    }
}

mod administration;
mod adoption;
mod authentication;
mod confirmation;
mod groups;
mod sessions;
#[cfg(test)]
mod tests;
