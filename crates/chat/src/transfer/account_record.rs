//! What an export of all conversations says about the account of the user.

use serde::Serialize;
use webchat_domain::{
    AccountGroups, AccountName, AccountRole, ApiKeyName, ApiKeyScopes, Timestamp, UserId,
    UserSettings,
};
use webchat_persistence::StoreError;

use crate::error::ChatError;
use crate::runtime::core::Core;

/// The account of a user, without secrets. An import ignores it.
#[derive(Serialize)]
struct AccountRecord {
    user_id: UserId,
    name: AccountName,
    role: AccountRole,
    groups: AccountGroups,
    created_at: Timestamp,
    signed_in_at: Option<Timestamp>,
    settings: UserSettings,
    sessions: Vec<SessionRecord>,
    api_keys: Vec<ApiKeyRecord>,
    identities: Vec<IdentityRecord>,
}

#[derive(Serialize)]
struct SessionRecord {
    device: String,
    signed_in_at: Timestamp,
    expires_at: Timestamp,
}

#[derive(Serialize)]
struct ApiKeyRecord {
    name: ApiKeyName,
    scopes: ApiKeyScopes,
    created_at: Timestamp,
    expires_at: Option<Timestamp>,
    last_used_at: Option<Timestamp>,
}

#[derive(Serialize)]
struct IdentityRecord {
    issuer: String,
    subject: String,
    created_at: Timestamp,
}

impl Core {
    /// Returns the account of a user as JSON; `None` if the user has none.
    pub(super) async fn account_record(
        &self,
        user_id: UserId,
    ) -> Result<Option<String>, ChatError> {
        let ports = &self.ports;
        let Some(account) = ports.accounts.find(user_id).await? else { return Ok(None) };
        let settings = ports.user_settings.user_settings(user_id).await?.settings;
        let sessions = ports.sessions.list_signed_in(user_id, self.now()).await?;
        let sessions = sessions.into_iter().filter_map(|stored| {
            let sign_in = stored.session.sign_in?;
            let expires_at = stored.expires_at;
            Some(SessionRecord { device: sign_in.device, signed_in_at: sign_in.at, expires_at })
        });
        let api_keys = ports.api_keys.list(user_id).await?.into_iter().map(|key| ApiKeyRecord {
            name: key.name,
            scopes: key.scopes,
            created_at: key.created_at,
            expires_at: key.expires_at,
            last_used_at: key.last_used_at,
        });
        let identities = ports.identities.list_identities(user_id).await?;
        let identities = identities.into_iter().map(|identity| IdentityRecord {
            issuer: identity.key.issuer,
            subject: identity.key.subject,
            created_at: identity.created_at,
        });
        let record = AccountRecord {
            user_id,
            name: account.name,
            role: account.role,
            groups: account.groups,
            created_at: account.created_at,
            signed_in_at: account.signed_in_at,
            settings,
            sessions: sessions.collect(),
            api_keys: api_keys.collect(),
            identities: identities.collect(),
        };
        Ok(Some(serde_json::to_string(&record).map_err(StoreError::fault)?))
    }
}
