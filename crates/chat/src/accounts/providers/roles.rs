//! The roles that users have because of their groups.

use webchat_domain::{Account, AccountRole, Actor, Identity};
use webchat_oidc::Claims;

use super::service::IdentityProviders;
use super::settings::IdentityProvider;
use crate::error::ChatError;

impl IdentityProvider {
    /// Returns the role that the user's groups give; `None` if they give none, or are unknown.
    pub(super) fn granted_role(&self, claims: &Claims) -> Option<AccountRole> {
        if self.admin_groups.is_empty() {
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
        claims.has_any(&self.role_claim, &self.admin_groups).then_some(AccountRole::Admin)
    }
}

impl IdentityProviders {
    /// Gives the account the role of the user's groups, or takes back one that earlier groups have given. A role that was
    /// given by hand stays.
    pub(super) async fn update_role(
        &self,
        account: Account,
        identity: &Identity,
        granted: Option<AccountRole>,
        actor: &Actor,
    ) -> Result<Account, ChatError> {
        let record = |role| self.ports.identities.set_granted_role(identity.key.clone(), role);
        match (granted, identity.granted_role) {
            (Some(role), _) if account.role != role && account.role != AccountRole::Admin => {
                record(granted).await?;
                self.accounts.set_role(account.user_id, role, actor).await
            }
            (None, Some(before)) => {
                let account = if account.role == before {
                    self.take_back(account, actor).await?
                } else {
                    account
                };
                record(None).await?;
                Ok(account)
            }
            _ => Ok(account),
        }
    }

    async fn take_back(&self, account: Account, actor: &Actor) -> Result<Account, ChatError> {
        match self.accounts.set_role(account.user_id, AccountRole::User, actor).await {
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
