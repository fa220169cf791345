//! Lists the users of the Flask application.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::TryStreamExt;
use mongodb::bson::{Bson, Document, doc};
use serde::Deserialize;
use webchat_domain::UserId;
use webchat_persistence::StoreError;

use super::batches::legacy_documents;
use super::{ids, legacy};
use crate::database::MongoDatabase;
use crate::documents::flask_schema_filter;
use crate::schema::{BACKUP, CONVERSATIONS};

/// The maximum time for reading the users of all documents in the background.
const LONG_AGGREGATION: Duration = Duration::from_mins(2);

/// A user of the Flask application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlaskUser {
    /// The `user_id` of the Flask application.
    pub legacy_id: String,
    /// The user who has the conversations in Webchat.
    pub user_id: UserId,
    /// The number of the user's conversations in the Flask application.
    pub conversations: u64,
}

/// The documents with the same `user_id`.
#[derive(Deserialize)]
struct Group {
    #[serde(rename = "_id")]
    stored_id: Bson,
    conversations: i64,
}

/// Returns the users with conversations that are to be migrated, or that have been migrated and are in the backup, in
/// the order of their ids. Ids that are no text, like numbers, count as their text.
pub(super) async fn list(database: &MongoDatabase) -> Result<Vec<FlaskUser>, StoreError> {
    let conversations = database.raw().collection::<Document>(CONVERSATIONS);
    let groups = async {
        let groups = conversations.aggregate(pipeline()).allow_disk_use(true);
        groups.with_type::<Group>().await?.try_collect::<Vec<_>>().await
    };
    let mut counts = BTreeMap::new();
    for Group { stored_id, conversations } in database.run(groups).await? {
        // Documents with other ids are skipped by the migration, which says why.
        if let Ok(id) = legacy::user_id(&stored_id) {
            *counts.entry(id).or_default() += u64::try_from(conversations).unwrap_or_default();
        }
    }
    let user = |(legacy_id, conversations): (String, u64)| FlaskUser {
        user_id: ids::user_id(&legacy_id),
        legacy_id,
        conversations,
    };
    Ok(counts.into_iter().map(user).collect())
}

/// Returns the values of `user_id` with which documents of the Flask application belong to this user.
pub(crate) async fn stored_user_ids(
    database: &MongoDatabase,
    user_id: UserId,
) -> Result<Vec<Bson>, StoreError> {
    let conversations = database.raw().collection::<Document>(CONVERSATIONS);
    let find = async {
        let groups = conversations.aggregate(pipeline()).allow_disk_use(true).with_type::<Group>();
        let groups = groups.await?.try_filter_map(async |Group { stored_id, .. }| {
            let is_same = legacy::user_id(&stored_id).is_ok_and(|id| ids::user_id(&id) == user_id);
            Ok(is_same.then_some(stored_id))
        });
        groups.try_collect().await
    };
    database.with_timeout(LONG_AGGREGATION).run(find).await
}

/// Counts the documents by user. A migration that was interrupted leaves documents that are in the backup, too.
fn pipeline() -> [Document; 5] {
    let user = doc! { "user_id": { "$ifNull": ["$user_id", null] } };
    [
        doc! { "$match": { "$and": [legacy_documents(), flask_schema_filter()] } },
        doc! { "$project": user.clone() },
        doc! { "$unionWith": { "coll": BACKUP, "pipeline": [{ "$project": user }] } },
        doc! { "$group": { "_id": "$_id", "user_id": { "$first": "$user_id" } } },
        doc! { "$group": { "_id": "$user_id", "conversations": { "$sum": 1_i64 } } },
    ]
}
