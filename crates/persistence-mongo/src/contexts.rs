//! Implements [`Contexts`].

use async_trait::async_trait;
use mongodb::bson::{DateTime, doc, serialize_to_document};
use serde::Deserialize;
use serde_with::{TryFromInto, serde_as};
use webchat_domain::{Context, ConversationId, Timestamp, UserId};
use webchat_persistence::{Contexts, ReplaceContextOutcome, StoreError, StoredContext, rules};

use crate::database::READ_TIME;
use crate::documents::{ContextDocument, date, long};
use crate::queries::{by_id, by_owner};
use crate::store::MongoStore;

/// The fields of a conversation that belong to its context.
#[serde_as]
#[derive(Deserialize)]
struct ContextFields {
    context: ContextDocument,
    #[serde_as(as = "TryFromInto<i64>")]
    context_revision: u64,
}

#[async_trait]
impl Contexts for MongoStore {
    async fn context(
        &self,
        user_id: UserId,
        id: ConversationId,
    ) -> Result<Option<StoredContext>, StoreError> {
        let conversations = self.database.conversations().clone_with_type::<ContextFields>();
        let find = conversations.find_one(by_owner(user_id, id)).max_time(READ_TIME);
        let fields = doc! { "_id": 0, "context": 1, "context_revision": 1 };
        let found = self.database.run(find.projection(fields)).await?;
        Ok(found.map(|ContextFields { context, context_revision }| StoredContext {
            context: context.into(),
            revision: context_revision,
        }))
    }

    async fn replace_context(
        &self,
        user_id: UserId,
        id: ConversationId,
        context: Context,
        expected_revision: u64,
    ) -> Result<ReplaceContextOutcome, StoreError> {
        let revision = rules::next_revision(expected_revision);
        let context = serialize_to_document(&ContextDocument::from(context));
        let replacement = doc! { "$set": {
            "context": context.map_err(StoreError::fault)?,
            "context_revision": long(revision),
        } };
        let mut expected = by_owner(user_id, id);
        expected.insert("context_revision", long(expected_revision));
        let conversations = self.database.conversations();
        let update = self.database.run(conversations.update_one(expected, replacement)).await?;
        if update.matched_count > 0 {
            return Ok(ReplaceContextOutcome::Stored { revision });
        }
        let exists = self.context(user_id, id).await?.is_some();
        Ok(if exists { ReplaceContextOutcome::Conflict } else { ReplaceContextOutcome::NotFound })
    }

    async fn acquire_compaction_lease(
        &self,
        id: ConversationId,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut available = by_id(id);
        let without_lease = doc! { "compacting_until": Option::<DateTime>::None };
        let expired = doc! { "compacting_until": { "$lte": date(now) } };
        available.insert("$or", [without_lease, expired]);
        let lease = doc! { "$set": { "compacting_until": date(until) } };
        let conversations = self.database.conversations();
        let update = self.database.run(conversations.update_one(available, lease)).await?;
        Ok(update.matched_count > 0)
    }

    async fn renew_compaction_lease(
        &self,
        id: ConversationId,
        until: Timestamp,
        new_until: Timestamp,
    ) -> Result<bool, StoreError> {
        self.change_compaction_lease(id, until, Some(date(new_until))).await
    }

    async fn release_compaction_lease(
        &self,
        id: ConversationId,
        until: Timestamp,
    ) -> Result<(), StoreError> {
        self.change_compaction_lease(id, until, None).await?;
        Ok(())
    }
}

impl MongoStore {
    /// Changes the expiry time of the lease that currently expires at `until`. Returns `false` if there is no such
    /// lease any more.
    async fn change_compaction_lease(
        &self,
        id: ConversationId,
        until: Timestamp,
        new_until: Option<DateTime>,
    ) -> Result<bool, StoreError> {
        let mut leased = by_id(id);
        leased.insert("compacting_until", date(until));
        let changed = doc! { "$set": { "compacting_until": new_until } };
        let conversations = self.database.conversations();
        let update = self.database.run(conversations.update_one(leased, changed)).await?;
        Ok(update.matched_count > 0)
    }
}
