//! The roles that users have because of their groups.

use webchat_domain::{Account, AccountRole, Actor, Identity};
use webchat_oidc::Claims;

use super::service::IdentityProviders;
use super::settings::IdentityProvider;
use crate::error::ChatError;

impl IdentityProvider {
    /// Returns the role that the user's groups give; `None` if they give none, or are unknown.
    pub(super) fn granted_role(&self, claims: &Claims) -> Option<AccountRole> {
        if !self.has_role_groups() {
            return None;
        }
        if !claims.has(&self.role_claim) && claims.is_elsewhere(&self.role_claim) {
            tracing::warn!(
                provider = self.client.id(),
                claim = self.role_claim,
                "the user has too many groups for a token: no role is given; let the provider name only the groups \
                 that are assigned to the application, or use its app roles"
            );
        }
        let is_in = |groups| claims.has_any(&self.role_claim, groups);
        if is_in(&self.admin_groups) {
            Some(AccountRole::Admin)
        } else {
            is_in(&self.auditor_groups).then_some(AccountRole::Auditor)
        }
    }
}

impl IdentityProviders {
    /// Gives the account the role of the user's groups, or takes back one that earlier groups have given. A role that was
    /// given by hand stays, unless the groups give one that allows more.
    pub(super) async fn update_role(
        &self,
        account: Account,
        identity: &Identity,
        granted: Option<AccountRole>,
        actor: &Actor,
    ) -> Result<Account, ChatError> {
        let is_of_groups = identity.granted_role == Some(account.role);
        let role = match granted {
            Some(role) if is_of_groups || rank(role) > rank(account.role) => role,
            None if is_of_groups => AccountRole::User,
            _ => account.role,
        };
        let (is_changed, is_higher) = (role != account.role, rank(role) > rank(account.role));
        let record = || self.ports.identities.set_granted_role(identity.key.clone(), granted);
        // Recorded before: a role without a record counts as given by hand, and stays.
        if is_higher {
            record().await?;
        }
        let account =
            if is_changed { self.change_role(account, role, actor).await? } else { account };
        // The last administrator keeps the role with its record, until there is another one.
        let is_done = account.role == role && identity.granted_role != granted;
        if is_done && !is_higher && (is_changed || granted.is_none()) {
            record().await?;
        }
        Ok(account)
    }

    async fn change_role(
        &self,
        account: Account,
        role: AccountRole,
        actor: &Actor,
    ) -> Result<Account, ChatError> {
        let actor = actor.signed_in(account.user_id, account.name.clone());
        match self.accounts.set_role(account.user_id, role, &actor).await {
            Err(ChatError::LastAdmin) => {
                tracing::warn!(
                    user_id = %account.user_id,
                    "the groups of the last administrator no longer give this role: it is kept"
                );
                Ok(account)
            }
            changed => changed,
        }
    }
}

/// Orders the roles by what they allow.
fn rank(role: AccountRole) -> u8 {
    match role {
        AccountRole::User => 0,
        AccountRole::Auditor => 1,
        AccountRole::Admin => 2,
    }
}
