//! The documents of the collection `erasures`.

use serde::{Deserialize, Serialize};
use serde_with::{DisplayFromStr, serde_as};
use webchat_domain::{ErasedCounts, Erasure, ErasureId, Timestamp, UserId};

use crate::documents::Date;

/// A document of `erasures`.
#[serde_as]
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ErasureDocument {
    #[serde_as(as = "DisplayFromStr")]
    erasure_id: ErasureId,
    #[serde_as(as = "DisplayFromStr")]
    user_id: UserId,
    #[serde_as(as = "Date")]
    requested_at: Timestamp,
    #[serde_as(as = "Option<Date>")]
    completed_at: Option<Timestamp>,
    counts: Option<ErasedCounts>,
    #[serde_as(as = "Option<Date>")]
    lease_until: Option<Timestamp>,
}

impl From<Erasure> for ErasureDocument {
    fn from(erasure: Erasure) -> Self {
        Self {
            erasure_id: erasure.erasure_id,
            user_id: erasure.user_id,
            requested_at: erasure.requested_at,
            completed_at: erasure.completed_at,
            counts: erasure.counts,
            lease_until: None,
        }
    }
}

impl From<ErasureDocument> for Erasure {
    fn from(document: ErasureDocument) -> Self {
        Self {
            erasure_id: document.erasure_id,
            user_id: document.user_id,
            requested_at: document.requested_at,
            completed_at: document.completed_at,
            counts: document.counts,
        }
    }
}
