//! The documents of `removals`.

use mongodb::bson::oid::ObjectId;
use mongodb::bson::{Document, doc};
use serde::{Deserialize, Serialize};
use serde_with::{DisplayFromStr, TryFromInto, serde_as};
use webchat_domain::{ConversationId, UserId};

use super::values::long;

/// A document of `removals`: a range of messages already hidden from readers but not yet deleted.
#[serde_as]
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct PendingDeletionDocument {
    #[serde(rename = "_id")]
    pub(crate) id: ObjectId,
    #[serde_as(as = "DisplayFromStr")]
    pub(crate) conversation_id: ConversationId,
    #[serde_as(as = "DisplayFromStr")]
    pub(crate) user_id: UserId,
    /// The position of the last message of the range.
    #[serde_as(as = "TryFromInto<i64>")]
    pub(crate) through: u64,
}

impl PendingDeletionDocument {
    /// Returns the filter of the messages of the range.
    pub(crate) fn messages(&self) -> Document {
        doc! {
            "conversation_id": self.conversation_id.to_string(),
            "position": { "$lte": long(self.through) },
        }
    }
}
