//! API keys, with which programs act on behalf of a user.

use std::time::Duration;

use webchat_domain::{
    Actor, ApiKey, ApiKeyId, ApiKeyName, ApiKeyScope, ApiKeyScopes, ApiKeySecret, AuditAction,
    Timestamp, UserId, error_chain,
};
use webchat_persistence::{AccountUpdate, Signal, StoreError, UpdateAccountOutcome};

use super::audit::Audit;
use super::forbidden::Forbidden;
use super::ports::AccountPorts;
use crate::error::ChatError;

/// The maximum number of keys of a user. Concurrent requests may exceed it by a few.
const MAX_KEYS: usize = 50;

/// The minimum time between two records of the use of a key.
const USE_INTERVAL: Duration = Duration::from_mins(1);

/// The use cases of API keys.
#[derive(Clone)]
pub struct ApiKeys {
    ports: AccountPorts,
    audit: Audit,
}

/// The description of a new key.
#[derive(Clone, Debug)]
pub struct NewApiKey {
    /// What the key is for.
    pub name: ApiKeyName,
    /// What programs with the key may do.
    pub scopes: ApiKeyScopes,
    /// When the key expires; `None` if it does not.
    pub expires_at: Option<Timestamp>,
}

impl ApiKeys {
    /// Builds the service.
    #[must_use]
    pub fn new(ports: AccountPorts) -> Self {
        Self { audit: Audit::new(ports.clone()), ports }
    }

    /// Adds a key of a user, and returns it with its secret, which is not stored.
    ///
    /// # Errors
    /// [`ChatError::AccountNotFound`]; [`ChatError::KeyExpiryInPast`]; [`ChatError::TooManyKeys`].
    pub async fn add(
        &self,
        user_id: UserId,
        new: NewApiKey,
        actor: &Actor,
    ) -> Result<(ApiKey, ApiKeySecret), ChatError> {
        let now = self.ports.clock.now();
        if new.scopes.contains(ApiKeyScope::Admin) {
            let owner = self.ports.accounts.find(user_id).await?;
            if !owner.is_some_and(|owner| owner.is_active_admin()) {
                return Err(Forbidden::AdminKey.into());
            }
        }
        if new.expires_at.is_some_and(|expires_at| expires_at <= now) {
            return Err(ChatError::KeyExpiryInPast);
        }
        if self.ports.api_keys.list(user_id).await?.len() >= MAX_KEYS {
            return Err(ChatError::TooManyKeys { limit: MAX_KEYS });
        }
        self.forbid_adoption(user_id).await?;
        let secret =
            ApiKeySecret::generate().map_err(|error| StoreError::fault(error.to_string()))?;
        let key = ApiKey {
            key_id: ApiKeyId::generate(),
            user_id,
            name: new.name,
            hash: secret.hash(),
            scopes: new.scopes,
            created_at: now,
            expires_at: new.expires_at,
            last_used_at: None,
        };
        let action = AuditAction::KeyAdded {
            key_id: key.key_id,
            scopes: key.scopes.clone(),
            expires_at: key.expires_at,
        };
        let audit = self.audit.entry_about(action, user_id, actor).await?;
        self.ports.api_keys.create(key.clone(), Some(audit)).await?;
        Ok((key, secret))
    }

    /// Records that the account gets a key, unless it has had one: it can have conversations, so it must not become that of
    /// another user. This is no sign-in: an administrator who has only keys is not one who can sign in.
    async fn forbid_adoption(&self, user_id: UserId) -> Result<(), ChatError> {
        let accounts = &self.ports.accounts;
        let account = accounts.find(user_id).await?.ok_or(ChatError::AccountNotFound)?;
        if account.disabled_at.is_some() {
            return Err(ChatError::AccountDisabled);
        }
        if !account.has_had_key {
            let update = AccountUpdate { adds_key: true, ..AccountUpdate::default() };
            if accounts.update(user_id, update).await? == UpdateAccountOutcome::NotFound {
                // The account has just adopted another user.
                return Err(ChatError::AccountNotFound);
            }
        }
        Ok(())
    }

    /// Returns the key with this secret, and records its use.
    ///
    /// # Errors
    /// [`ChatError::InvalidApiKey`] if there is no such key, it has expired, or the account of its user is disabled.
    pub async fn authenticate(&self, secret: &ApiKeySecret) -> Result<ApiKey, ChatError> {
        let found = self.ports.api_keys.find_by_hash(secret.hash()).await?;
        let key = found.ok_or(ChatError::InvalidApiKey)?;
        if !self.is_usable(&key).await? {
            return Err(ChatError::InvalidApiKey);
        }
        self.record_use(&key).await;
        Ok(key)
    }

    /// Returns whether a key that gave access still does: it was not revoked and has not expired, and the account of its
    /// user is enabled.
    ///
    /// # Errors
    /// When the key or the account can't be read.
    pub async fn accepts(&self, key: &ApiKey) -> Result<bool, ChatError> {
        let is_stored = self.ports.api_keys.find_by_hash(key.hash).await?.is_some();
        Ok(is_stored && self.is_usable(key).await?)
    }

    async fn is_usable(&self, key: &ApiKey) -> Result<bool, ChatError> {
        let now = self.ports.clock.now();
        if key.expires_at.is_some_and(|expires_at| expires_at <= now) {
            return Ok(false);
        }
        let account = self.ports.accounts.find(key.user_id).await?;
        Ok(account.is_some_and(|account| account.disabled_at.is_none()))
    }

    /// Records that the key is used, at most once a minute. Best effort: a failure is only logged.
    async fn record_use(&self, key: &ApiKey) {
        let now = self.ports.clock.now();
        if key.last_used_at.is_some_and(|last| last.until(now) < USE_INTERVAL) {
            return;
        }
        if let Err(error) = self.ports.api_keys.record_use(key.key_id, now).await {
            tracing::warn!(error = error_chain(&error), "failed to record the use of an API key");
        }
    }

    /// Returns the keys of a user, the newest first. Expired keys are among them.
    ///
    /// # Errors
    /// When the keys can't be read.
    pub async fn list(&self, user_id: UserId) -> Result<Vec<ApiKey>, ChatError> {
        Ok(self.ports.api_keys.list(user_id).await?)
    }

    /// Revokes a key of the user: deletes it, and closes its live connections on all instances.
    ///
    /// # Errors
    /// [`ChatError::KeyNotFound`] if the user has no such key.
    pub async fn revoke(
        &self,
        user_id: UserId,
        key_id: ApiKeyId,
        actor: &Actor,
    ) -> Result<(), ChatError> {
        let action = AuditAction::KeyRevoked { key_id };
        let audit = self.audit.entry_about(action, user_id, actor).await?;
        if !self.ports.api_keys.delete(user_id, key_id, Some(audit)).await? {
            return Err(ChatError::KeyNotFound);
        }
        // Best effort: live connections also check their key at intervals.
        if let Err(error) = self.ports.signals.publish(Signal::SessionsEnded { user_id }).await {
            tracing::warn!(error = error_chain(&error), "failed to signal a revoked API key");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use webchat_domain::{Account, AccountRole, Password};

    use super::*;
    use crate::testing::TestChat;

    const CLI: Actor = Actor::COMMAND_LINE;

    async fn add_account(test: &TestChat) -> Account {
        let password = Password::try_from("three tides a day".to_owned()).unwrap();
        let name = "alice".parse().unwrap();
        test.chat.accounts.add(name, AccountRole::User, Some(password), false, &CLI).await.unwrap()
    }

    fn new_key(expires_at: Option<Timestamp>) -> NewApiKey {
        let name = "nightly report".parse().unwrap();
        NewApiKey { name, scopes: "read".parse().unwrap(), expires_at }
    }

    fn code<T: std::fmt::Debug>(result: Result<T, ChatError>) -> &'static str {
        result.unwrap_err().code()
    }

    #[tokio::test]
    async fn a_key_gives_access_until_it_is_revoked() {
        let test = TestChat::new().await;
        let (alice, keys) = (add_account(&test).await, &test.chat.api_keys);

        let (key, secret) = keys.add(alice.user_id, new_key(None), &CLI).await.unwrap();
        let found = keys.authenticate(&secret).await.unwrap();

        assert_eq!(found, key);
        assert!(keys.accepts(&key).await.unwrap());
        let listed = keys.list(alice.user_id).await.unwrap();
        assert_eq!(listed.first().unwrap().last_used_at, Some(test.chat.sessions.now()));
        keys.revoke(alice.user_id, key.key_id, &CLI).await.unwrap();
        assert_eq!(code(keys.authenticate(&secret).await), "invalid_api_key");
        assert!(!keys.accepts(&key).await.unwrap());
        assert_eq!(code(keys.revoke(alice.user_id, key.key_id, &CLI).await), "key_not_found");
    }

    #[tokio::test]
    async fn an_expired_key_and_that_of_a_disabled_user_give_no_access() {
        let test = TestChat::new().await;
        let (alice, keys) = (add_account(&test).await, &test.chat.api_keys);
        let hour = Duration::from_hours(1);
        let in_an_hour = test.chat.sessions.now().plus(hour);
        let (expiring, secret) =
            keys.add(alice.user_id, new_key(Some(in_an_hour)), &CLI).await.unwrap();
        let (_, unlimited) = keys.add(alice.user_id, new_key(None), &CLI).await.unwrap();

        test.clock.advance(hour);

        assert_eq!(code(keys.authenticate(&secret).await), "invalid_api_key");
        assert!(!keys.accepts(&expiring).await.unwrap());
        keys.authenticate(&unlimited).await.unwrap();
        test.chat.accounts.disable(alice.user_id, &CLI).await.unwrap();
        assert_eq!(code(keys.authenticate(&unlimited).await), "invalid_api_key");
        let past = keys.add(alice.user_id, new_key(Some(in_an_hour)), &CLI).await;
        assert_eq!(code(past), "invalid_value");
    }

    #[tokio::test]
    async fn a_user_has_a_limited_number_of_keys() {
        let test = TestChat::new().await;
        let (alice, keys) = (add_account(&test).await, &test.chat.api_keys);
        for _ in 0..MAX_KEYS {
            keys.add(alice.user_id, new_key(None), &CLI).await.unwrap();
        }

        let further = keys.add(alice.user_id, new_key(None), &CLI).await;

        assert_eq!(code(further), "too_many_keys");
        let nobody = keys.add(UserId::generate(), new_key(None), &CLI).await;
        assert_eq!(code(nobody), "account_not_found");
    }

    #[tokio::test]
    async fn an_administrator_with_only_a_key_leaves_the_one_with_a_password_the_last() {
        let test = TestChat::new().await;
        let accounts = &test.chat.accounts;
        let alice = add_account(&test).await;
        accounts.set_role(alice.user_id, AccountRole::Admin, &CLI).await.unwrap();
        let name = "robot".parse().unwrap();
        let robot = accounts.add(name, AccountRole::Admin, None, false, &CLI).await.unwrap();
        test.chat.api_keys.add(robot.user_id, new_key(None), &CLI).await.unwrap();

        let demoted = accounts.set_role(alice.user_id, AccountRole::User, &CLI).await;
        let disabled = accounts.disable(alice.user_id, &CLI).await.map(drop);
        let erased = test.chat.erasures.request(alice.user_id, &CLI).await;

        assert_eq!(code(demoted), "last_admin");
        assert_eq!(code(disabled), "last_admin");
        assert_eq!(code(erased), "last_admin");
    }

    #[tokio::test]
    async fn an_account_with_a_key_adopts_no_other_user() {
        let test = TestChat::new().await;
        let (alice, anonymous) = (add_account(&test).await, UserId::generate());
        test.chat.api_keys.add(alice.user_id, new_key(None), &CLI).await.unwrap();

        let now = test.chat.sessions.now();
        let accounts = &test.chat.core.ports.accounts;

        assert!(!accounts.adopt_user(alice.user_id, anonymous, now, None).await.unwrap());
    }
}
