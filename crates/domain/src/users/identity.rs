//! The users of identity providers, who sign in to an account.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{AccountRole, Timestamp, UserId};

/// A user of an identity provider, who signs in to an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// What identifies the user everywhere. No two identities have the same.
    pub key: IdentityKey,
    /// The user of the account. A user has at most one identity of an issuer.
    pub user_id: UserId,
    /// The role that the account has because of the user's groups, and loses with them; `None` if the groups give none.
    pub granted_role: Option<AccountRole>,
    /// When the user first signed in with this identity.
    pub created_at: Timestamp,
}

/// What identifies a user of an identity provider: names and addresses can change, and can be given to other users.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct IdentityKey {
    /// The issuer, for example `https://login.example.org`.
    pub issuer: String,
    /// The issuer's id of the user.
    pub subject: String,
}

/// The session of an identity provider with which a user has signed in.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderSession {
    /// The id of the provider in the settings.
    pub provider: String,
    /// The issuer.
    pub issuer: String,
    /// The provider's id of the session; `None` if it has not named one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
}

/// Does not show the id of the session.
impl fmt::Debug for ProviderSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProviderSession").field("provider", &self.provider).finish_non_exhaustive()
    }
}
