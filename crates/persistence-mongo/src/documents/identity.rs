//! The documents of the collection `identities`.

use serde::{Deserialize, Serialize};
use serde_with::{DisplayFromStr, serde_as};
use webchat_domain::{AccountRole, Identity, IdentityKey, Timestamp, UserId};

use super::values::Date;

/// A document of `identities`.
#[serde_as]
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct IdentityDocument {
    issuer: String,
    subject: String,
    #[serde_as(as = "DisplayFromStr")]
    user_id: UserId,
    granted_role: Option<AccountRole>,
    #[serde_as(as = "Date")]
    created_at: Timestamp,
}

impl From<Identity> for IdentityDocument {
    fn from(identity: Identity) -> Self {
        Self {
            issuer: identity.key.issuer,
            subject: identity.key.subject,
            user_id: identity.user_id,
            granted_role: identity.granted_role,
            created_at: identity.created_at,
        }
    }
}

impl From<IdentityDocument> for Identity {
    fn from(document: IdentityDocument) -> Self {
        Self {
            key: IdentityKey { issuer: document.issuer, subject: document.subject },
            user_id: document.user_id,
            granted_role: document.granted_role,
            created_at: document.created_at,
        }
    }
}
