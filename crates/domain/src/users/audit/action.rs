//! What the entries of the audit log record.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use strum::{EnumDiscriminants, EnumString, IntoStaticStr, VariantArray};

use super::texts::AuditReason;
use crate::ids::{ApiKeyId, ConversationId, ErasureId, UserId};
use crate::{AccountRole, ApiKeyScopes, GroupNames, GroupSource, Timestamp};

/// What happened, with its details. All of them are typed, so that no secret and no text of a conversation can be among
/// them.
///
/// The names of the variants and of their fields must never change, because databases contain them, and hashes depend on
/// them. A field that is added later must not be serialized in the entries without it.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, EnumDiscriminants)]
#[serde(tag = "action", content = "details", rename_all = "snake_case", deny_unknown_fields)]
#[strum_discriminants(
    name(AuditActionKind),
    doc = "What happened, without its details.",
    derive(Hash, Serialize, Deserialize, IntoStaticStr, EnumString, VariantArray),
    serde(rename_all = "snake_case"),
    strum(serialize_all = "snake_case"),
    cfg_attr(feature = "openapi", derive(utoipa::ToSchema))
)]
pub enum AuditAction {
    /// A user signed in.
    SignIn,
    /// Somebody tried to sign in as the subject, or with a name that no account has.
    SignInFailed {
        /// Why.
        reason: SignInFailure,
        /// The number of failures before this one that have no entries, because there were too many.
        omitted: u64,
    },
    /// A user signed out.
    SignOut,
    /// One or several sessions of the subject were ended from elsewhere.
    SessionsEnded,
    /// A user chose another password.
    PasswordChanged,
    /// Somebody else set the password of the subject, who must change it.
    PasswordReset,
    /// An account was added.
    AccountAdded {
        /// What the user may do.
        role: AccountRole,
    },
    /// An account was disabled.
    AccountDisabled,
    /// A disabled account was enabled.
    AccountEnabled,
    /// The role of an account was changed.
    RoleChanged {
        /// The new role.
        role: AccountRole,
    },
    /// A source gave an account groups, or took them back.
    GroupsChanged {
        /// `manual`, `proxy`, or the issuer of an identity provider.
        #[cfg_attr(feature = "openapi", schema(value_type = String))]
        source: GroupSource,
        /// The groups that it has given.
        added: GroupNames,
        /// The groups that it has taken back.
        removed: GroupNames,
    },
    /// An API key was added.
    KeyAdded {
        /// The key.
        key_id: ApiKeyId,
        /// What it allows.
        scopes: ApiKeyScopes,
        /// When it expires.
        expires_at: Option<Timestamp>,
    },
    /// An API key was revoked.
    KeyRevoked {
        /// The key.
        key_id: ApiKeyId,
    },
    /// An account got the conversations of a user without an account, and its id.
    UserAdopted {
        /// The id of the account's user before; missing if the account is new.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "openapi", schema(nullable = false))]
        replaced_user_id: Option<UserId>,
    },
    /// An account got an identity, with which its user signs in at a provider.
    IdentityLinked {
        /// The id of the provider in the settings.
        provider: String,
    },
    /// The erasure of an account with all of its data was requested.
    AccountErased {
        /// The receipt.
        erasure_id: ErasureId,
    },
    /// An auditor or administrator listed the conversations of the subject.
    ConversationsListed {
        /// Why.
        reason: AuditReason,
    },
    /// An auditor or administrator read a conversation of the subject.
    ConversationRead {
        /// The conversation.
        conversation_id: ConversationId,
        /// Why.
        reason: AuditReason,
    },
    /// The data of an account was exported.
    AccountExported {
        /// Why.
        reason: AuditReason,
    },
}

impl AuditAction {
    /// Returns what happened, without its details.
    #[must_use]
    pub fn kind(&self) -> AuditActionKind {
        self.into()
    }

    /// Returns the details as JSON, as they are stored; `None` if there are none.
    #[must_use]
    pub fn details(&self) -> Option<String> {
        let action = serde_json::to_value(self).ok()?;
        action.get("details").map(Value::to_string)
    }

    /// Returns the action with the kind and the details that are stored.
    ///
    /// # Errors
    /// If the details are not those of this kind.
    pub fn from_stored(kind: AuditActionKind, details: Option<&str>) -> serde_json::Result<Self> {
        let mut action = json!({ "action": kind });
        if let (Some(details), Some(object)) = (details, action.as_object_mut()) {
            object.insert("details".to_owned(), serde_json::from_str(details)?);
        }
        serde_json::from_value(action)
    }
}

/// Why somebody could not sign in.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignInFailure {
    /// The name or the password was wrong.
    WrongCredentials,
    /// The password or the identity was right, but the account is disabled.
    AccountDisabled,
}
