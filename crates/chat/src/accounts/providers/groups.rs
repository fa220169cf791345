//! The groups that identity providers give users.

use std::collections::BTreeSet;

use webchat_domain::{Account, Actor, GroupName, GroupNames, GroupSource};
use webchat_oidc::Claims;

use super::service::IdentityProviders;
use super::settings::IdentityProvider;
use crate::error::ChatError;

impl IdentityProvider {
    /// Returns the groups that the provider gives the user. `None` if they are unknown: then those of the last sign-in stay,
    /// because a part of them could take away what the user may use, or a limit.
    fn given_groups(&self, claims: &Claims) -> Option<GroupNames> {
        let Some(claim) = self.group_claim.as_deref() else { return Some(GroupNames::default()) };
        if !claims.has(claim) && claims.is_elsewhere(claim) {
            tracing::warn!(
                provider = self.client.id(),
                claim,
                "the user has too many groups for a token: the groups of the last sign-in stay; let the provider name \
                 only the groups that are assigned to the application"
            );
            return None;
        }
        let (mut names, mut invalid) = (BTreeSet::new(), 0_u32);
        for text in claims.texts(claim) {
            match text.parse::<GroupName>() {
                Ok(name) => _ = self.stores(&name) && names.insert(name),
                Err(_) => invalid += 1,
            }
        }
        if invalid > 0 {
            tracing::warn!(
                provider = self.client.id(),
                claim,
                invalid,
                "groups with names that are empty, too long or have control characters are left out"
            );
        }
        let count = names.len();
        let groups = GroupNames::try_from(names).ok();
        if groups.is_none() {
            tracing::warn!(
                provider = self.client.id(),
                claim,
                count,
                max = GroupNames::MAX,
                "the user has too many groups: the groups of the last sign-in stay; name those that are used in \
                 OIDC_STORED_GROUPS"
            );
        }
        groups
    }

    fn stores(&self, name: &GroupName) -> bool {
        self.stored_groups.is_empty() || self.stored_groups.contains(name)
    }
}

impl IdentityProviders {
    /// Replaces the groups that the provider has given the account.
    pub(super) async fn update_groups(
        &self,
        account: Account,
        provider: &IdentityProvider,
        claims: &Claims,
        actor: &Actor,
    ) -> Result<Account, ChatError> {
        let Some(names) = provider.given_groups(claims) else { return Ok(account) };
        let actor = actor.signed_in(account.user_id, account.name.clone());
        let source = GroupSource::Provider(claims.issuer.clone());
        self.accounts.set_groups(account, source, names, &actor).await
    }
}
