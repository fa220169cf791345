//! Lists the groups of accounts.

use futures_util::TryStreamExt;
use mongodb::bson::{Document, doc};
use serde::Deserialize;
use webchat_domain::GroupName;
use webchat_persistence::{Group, StoreError};

use super::names_after;
use crate::database::READ_TIME;
use crate::store::MongoStore;

/// A group, as the aggregation returns it.
#[derive(Deserialize)]
struct GroupDocument {
    #[serde(rename = "_id")]
    name: GroupName,
    members: u64,
}

impl MongoStore {
    pub(super) async fn find_groups(
        &self,
        prefix: &str,
        after: Option<GroupName>,
        max: u32,
    ) -> Result<Vec<Group>, StoreError> {
        let names = names_after(after.as_ref().map_or("", GroupName::as_str), prefix);
        let accounts = self.database.accounts().clone_with_type::<Document>();
        let stages = [
            // With the index, which also finds accounts with two groups that match a condition each.
            doc! { "$match": { "groups": names.clone() } },
            doc! { "$unwind": "$groups" },
            doc! { "$match": { "groups": names } },
            doc! { "$group": { "_id": "$groups", "members": { "$sum": 1 } } },
            doc! { "$sort": { "_id": 1 } },
            doc! { "$limit": i64::from(max) },
        ];
        let find = async {
            let found = accounts.aggregate(stages).with_type::<GroupDocument>();
            let found = found.max_time(READ_TIME).await?;
            found
                .map_ok(|GroupDocument { name, members }| Group { name, members })
                .try_collect()
                .await
        };
        self.database.run(find).await
    }
}
