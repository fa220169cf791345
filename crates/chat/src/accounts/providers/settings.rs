//! The identity providers, and what the operator has decided about them.

use std::collections::BTreeSet;

use webchat_domain::{GroupName, UserId};
use webchat_oidc::{Claims, Provider};

/// The identity providers; none by default.
#[derive(Clone, Default)]
pub struct SingleSignOn {
    /// The providers, in the order in which users see them. Their ids differ.
    pub providers: Vec<IdentityProvider>,
    /// How users of the Flask application are found; `None` if they are not.
    pub legacy_users: Option<LegacyUsers>,
}

/// A provider, and what the operator has decided about its users.
#[derive(Clone)]
pub struct IdentityProvider {
    /// The client of the provider.
    pub client: Provider,
    /// Whether a verified e-mail address gives access to the account with that name.
    pub trusts_email: bool,
    /// The domains of verified e-mail addresses whose users may sign in, in lower case; all users may if there are none.
    pub allowed_domains: Vec<String>,
    /// The claim with the groups that give roles.
    pub role_claim: String,
    /// The groups whose members are administrators.
    pub admin_groups: Vec<String>,
    /// The groups whose members are auditors, unless they are administrators.
    pub auditor_groups: Vec<String>,
    /// The claim with the groups that are stored; `None` if none are.
    pub group_claim: Option<String>,
    /// The groups that are stored; all are if there are none.
    pub stored_groups: BTreeSet<GroupName>,
}

/// How a user of the Flask application is found at the first sign-in.
#[derive(Clone)]
pub struct LegacyUsers {
    /// The claim with the user's id in the Flask application.
    pub claim: String,
    /// Returns the user with this id in the Flask application.
    pub user_id: fn(&str) -> UserId,
}

impl IdentityProvider {
    /// Returns whether the claims suffice to sign a user in.
    pub(super) fn is_complete(&self, claims: &Claims, legacy_users: Option<&LegacyUsers>) -> bool {
        let has_name = ["preferred_username", "email", "name"].iter().any(|name| claims.has(name));
        let needs_email = self.trusts_email || !self.allowed_domains.is_empty();
        let has_email = claims.has("email") && claims.has("email_verified");
        let is_known = |claim: &str| claims.has(claim) || claims.is_elsewhere(claim);
        has_name
            && (has_email || !needs_email)
            && (is_known(&self.role_claim) || !self.has_role_groups())
            && self.group_claim.as_deref().is_none_or(is_known)
            && legacy_users.is_none_or(|legacy| claims.has(&legacy.claim))
    }

    /// Returns whether groups give roles.
    pub(super) fn has_role_groups(&self) -> bool {
        !self.admin_groups.is_empty() || !self.auditor_groups.is_empty()
    }

    /// Returns whether the user may sign in.
    pub(super) fn allows(&self, claims: &Claims) -> bool {
        let is_allowed = |email: String| {
            let domain = email.rsplit_once('@').map(|(_, domain)| domain.to_lowercase());
            domain.is_some_and(|domain| self.allowed_domains.contains(&domain))
        };
        self.allowed_domains.is_empty() || claims.verified_email().is_some_and(is_allowed)
    }
}
