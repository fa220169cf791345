//! The erasure of a user.

use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::ids::{ErasureId, UserId};

/// The erasure of a user, and its receipt: it contains nothing about the user except the id.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erasure {
    /// Its id.
    pub erasure_id: ErasureId,
    /// The user.
    pub user_id: UserId,
    /// When it was requested. Nobody has been able to sign in to the account since.
    pub requested_at: Timestamp,
    /// When it was complete; `null` before.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub completed_at: Option<Timestamp>,
    /// What was erased; `null` until it is counted.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub counts: Option<ErasedCounts>,
}

/// What an erasure removes, counted before anything is removed. An erasure that is repeated keeps the first counts.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErasedCounts {
    /// Conversations.
    pub conversations: u64,
    /// Messages, also hidden versions.
    pub messages: u64,
    /// Uploaded files, with their analyses.
    pub files: u64,
    /// Conversations that the user saved as files.
    pub saved_files: u64,
    /// API keys.
    pub api_keys: u64,
    /// Identities at identity providers.
    pub identities: u64,
}
