//! The documents of the collection `users`.

use serde::{Deserialize, Serialize};
use serde_with::{DisplayFromStr, serde_as};
use webchat_domain::{Timestamp, UserId};

use super::values::Date;

/// A document of `users`, which contains when a user was last active.
#[serde_as]
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct UserDocument {
    #[serde_as(as = "DisplayFromStr")]
    pub(crate) user_id: UserId,
    #[serde_as(as = "Date")]
    pub(crate) active_at: Timestamp,
}
