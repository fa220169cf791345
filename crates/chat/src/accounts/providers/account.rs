//! The account of a user of an identity provider.

use webchat_domain::{
    Account, AccountGroups, AccountName, AccountRole, Actor, AuditAction, Identity, IdentityKey,
    Session, UserId,
};
use webchat_oidc::Claims;
use webchat_persistence::{ArchiveFilter, CreateWithIdentityOutcome, ListOrder};

use super::names::candidates;
use super::service::IdentityProviders;
use super::settings::IdentityProvider;
use crate::accounts::audit::subject_of;
use crate::error::ChatError;

/// The id of all users of a Flask application without sign-in. Their conversations belong to nobody.
const ANONYMOUS_LEGACY_ID: &str = "anonymous";

/// A sign-in of a user whose identity may be unknown.
struct FirstSignIn<'a> {
    provider: &'a IdentityProvider,
    claims: &'a Claims,
    /// The role that the user's groups give.
    granted: Option<AccountRole>,
    /// The session whose conversations become those of the account.
    anonymous: Option<Session>,
    actor: &'a Actor,
}

impl IdentityProviders {
    /// Returns the account of the user with its role and groups: the one of the identity, or else the one with the user's
    /// verified e-mail address as its name, or else a new one. At the first sign-in, it gets the conversations of
    /// `anonymous`, or those of the user in the Flask application.
    pub(super) async fn find_or_add_account(
        &self,
        provider: &IdentityProvider,
        claims: &Claims,
        anonymous: Option<Session>,
        actor: &Actor,
    ) -> Result<Account, ChatError> {
        let granted = provider.granted_role(claims);
        let first = FirstSignIn { provider, claims, granted, anonymous, actor };
        let key = IdentityKey { issuer: claims.issuer.clone(), subject: claims.subject.clone() };
        let known = self.ports.identities.find_identity(key.clone()).await?;
        let identity = if let Some(identity) = known {
            identity
        } else {
            let legacy_user = self.legacy_user(claims).await?;
            match self.link(&first, &key, legacy_user).await? {
                Some(identity) => identity,
                None => self.add(first, key, legacy_user).await?,
            }
        };
        let account = self.ports.accounts.find(identity.user_id).await?;
        let account = account.ok_or(ChatError::AccountNotFound)?;
        self.accounts.check_enabled(&account, actor).await?;
        let account = self.update_role(account, &identity, granted, actor).await?;
        self.update_groups(account, provider, claims, actor).await
    }

    /// Links the identity to the account whose name is the user's verified e-mail address, if the provider is trusted.
    /// Returns `None` if there is no such account, somebody has used it, or it belongs to another user of the provider.
    async fn link(
        &self,
        FirstSignIn { provider, claims, anonymous, actor, .. }: &FirstSignIn<'_>,
        key: &IdentityKey,
        legacy_user: Option<UserId>,
    ) -> Result<Option<Identity>, ChatError> {
        let email = claims.verified_email().filter(|_| provider.trusts_email);
        let email = email.filter(|email| email.is_ascii() && email.contains('@'));
        let name: Option<AccountName> = email.and_then(|email| email.parse().ok());
        let Some(name) = name else { return Ok(None) };
        let Some(account) = self.ports.accounts.find_by_name(name).await? else { return Ok(None) };
        self.accounts.check_enabled(&account, actor).await?;
        // The one who has used it may have chosen this name, and has the password and the keys. An administrator decides by
        // resetting the password.
        if account.is_used() && !account.must_change_password {
            return Ok(None);
        }
        let of_account = self.ports.identities.list_identities(account.user_id).await?;
        if of_account.iter().any(|identity| identity.key.issuer == key.issuer) {
            return Ok(None);
        }
        let now = self.ports.clock.now();
        let user_id = match legacy_user {
            Some(legacy_user) if self.accounts.try_adopt(&account, legacy_user, actor).await? => {
                legacy_user
            }
            _ => self.accounts.adopt(&account, anonymous.clone(), actor).await?,
        };
        let account = Account { user_id, ..account };
        let actor = actor.signed_in(user_id, account.name.clone());
        let action = AuditAction::IdentityLinked { provider: provider.client.id().to_owned() };
        let audit = self.audit.entry(action, Some(subject_of(&account)), &actor).await?;
        let key = key.clone();
        let identity = Identity { key, user_id, granted_role: None, created_at: now };
        Ok(self.ports.identities.link_identity(identity, Some(audit)).await?)
    }

    /// Adds an account with an identity. If a concurrent sign-in was the first one, returns the identity that it has
    /// added.
    async fn add(
        &self,
        FirstSignIn { provider, claims, granted, anonymous, actor }: FirstSignIn<'_>,
        key: IdentityKey,
        legacy_user: Option<UserId>,
    ) -> Result<Identity, ChatError> {
        let now = self.ports.clock.now();
        let adopted = anonymous.as_ref().map(|session| session.user_id);
        let mut user_id = legacy_user.or(adopted).unwrap_or_else(UserId::generate);
        let mut names = candidates(claims, provider.trusts_email);
        let mut name = names.next().ok_or(ChatError::NameTaken)?;
        loop {
            let identity =
                Identity { key: key.clone(), user_id, granted_role: granted, created_at: now };
            let account = Account {
                user_id,
                name: name.clone(),
                role: granted.unwrap_or(AccountRole::User),
                groups: AccountGroups::default(),
                password: None,
                must_change_password: false,
                version: 0,
                created_at: now,
                disabled_at: None,
                signed_in_at: Some(now),
                has_had_key: false,
            };
            let action = AuditAction::AccountAdded { role: account.role };
            let actor = actor.signed_in(user_id, account.name.clone());
            let subject = Some(subject_of(&account));
            let audit = self.audit.entry(action, subject.clone(), &actor).await?;
            let identities = &self.ports.identities;
            match identities.create_with_identity(account, identity.clone(), Some(audit)).await? {
                CreateWithIdentityOutcome::Created => {
                    let provider = provider.client.id().to_owned();
                    let linked = AuditAction::IdentityLinked { provider };
                    let linked = self.audit.entry(linked, subject.clone(), &actor).await?;
                    self.ports.audit.append(linked).await?;
                    if legacy_user.or(adopted) == Some(user_id) {
                        let adopted = AuditAction::UserAdopted { replaced_user_id: None };
                        let adopted = self.audit.entry(adopted, subject, &actor).await?;
                        self.ports.audit.append(adopted).await?;
                    }
                    if let Some(session) = anonymous.filter(|session| session.user_id == user_id) {
                        self.accounts.delete_session(&session).await?;
                    }
                    return Ok(identity);
                }
                CreateWithIdentityOutcome::Exists(identity) => return Ok(identity),
                CreateWithIdentityOutcome::NameTaken => {
                    name = names.next().ok_or(ChatError::NameTaken)?;
                }
                CreateWithIdentityOutcome::UserTaken => user_id = UserId::generate(),
            }
        }
    }

    /// Returns the user of the Flask application, if it has conversations and no account yet.
    async fn legacy_user(&self, claims: &Claims) -> Result<Option<UserId>, ChatError> {
        let Some(legacy) = &self.settings.legacy_users else { return Ok(None) };
        let is_email = legacy.claim == "email";
        let id = if is_email { claims.verified_email() } else { claims.text(&legacy.claim) };
        let legacy_id = id.filter(|id| id != ANONYMOUS_LEGACY_ID);
        let Some(legacy_id) = legacy_id else { return Ok(None) };
        let user_id = (legacy.user_id)(&legacy_id);
        if self.ports.accounts.find(user_id).await?.is_some() {
            return Ok(None);
        }
        let (filter, order) = (ArchiveFilter::All, ListOrder::Created);
        let page = self.conversations.list(user_id, filter, order, None, 1).await?;
        Ok((!page.items.is_empty()).then_some(user_id))
    }
}
