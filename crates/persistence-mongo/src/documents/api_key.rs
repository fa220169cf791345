//! The documents of the collection `api_keys`.

use serde::{Deserialize, Serialize};
use serde_with::{DisplayFromStr, serde_as};
use webchat_domain::{ApiKey, ApiKeyHash, ApiKeyId, ApiKeyName, ApiKeyScopes, Timestamp, UserId};

use super::values::Date;

/// A document of `api_keys`.
#[serde_as]
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ApiKeyDocument {
    #[serde_as(as = "DisplayFromStr")]
    key_id: ApiKeyId,
    #[serde_as(as = "DisplayFromStr")]
    user_id: UserId,
    name: ApiKeyName,
    #[serde_as(as = "DisplayFromStr")]
    hash: ApiKeyHash,
    scopes: ApiKeyScopes,
    #[serde_as(as = "Date")]
    created_at: Timestamp,
    #[serde_as(as = "Option<Date>")]
    expires_at: Option<Timestamp>,
    #[serde_as(as = "Option<Date>")]
    last_used_at: Option<Timestamp>,
}

impl From<ApiKey> for ApiKeyDocument {
    fn from(key: ApiKey) -> Self {
        Self {
            key_id: key.key_id,
            user_id: key.user_id,
            name: key.name,
            hash: key.hash,
            scopes: key.scopes,
            created_at: key.created_at,
            expires_at: key.expires_at,
            last_used_at: key.last_used_at,
        }
    }
}

impl From<ApiKeyDocument> for ApiKey {
    fn from(document: ApiKeyDocument) -> Self {
        Self {
            key_id: document.key_id,
            user_id: document.user_id,
            name: document.name,
            hash: document.hash,
            scopes: document.scopes,
            created_at: document.created_at,
            expires_at: document.expires_at,
            last_used_at: document.last_used_at,
        }
    }
}
