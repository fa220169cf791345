use async_trait::async_trait;
use mongodb::bson::{DateTime, doc, serialize_to_document};
use webchat_domain::{Context, ConversationId, Timestamp, UserId};
use webchat_persistence::{Contexts, ReplaceContextOutcome, StoreError, StoredContext};

use crate::MongoStore;
use crate::documents::{ContextDocument, date, long};
use crate::queries::{anyones, owned};

#[async_trait]
impl Contexts for MongoStore {
    async fn context(
        &self,
        user_id: UserId,
        id: ConversationId,
    ) -> Result<Option<StoredContext>, StoreError> {
        let conversations = self.database.conversations();
        let found = self.database.answer(conversations.find_one(owned(user_id, id))).await?;
        Ok(found.map(|conversation| StoredContext {
            context: conversation.context.into(),
            revision: conversation.context_revision,
        }))
    }

    async fn replace_context(
        &self,
        user_id: UserId,
        id: ConversationId,
        context: Context,
        expected_revision: u64,
    ) -> Result<ReplaceContextOutcome, StoreError> {
        let revision = expected_revision + 1;
        let context = serialize_to_document(&ContextDocument::from(context));
        let replaced = doc! { "$set": {
            "context": context.map_err(StoreError::fault)?,
            "context_revision": long(revision),
        } };
        let mut expected = owned(user_id, id);
        expected.insert("context_revision", long(expected_revision));
        let conversations = self.database.conversations();
        let update = self.database.answer(conversations.update_one(expected, replaced)).await?;
        if update.matched_count > 0 {
            return Ok(ReplaceContextOutcome::Stored { revision });
        }
        let is_there = self.context(user_id, id).await?.is_some();
        Ok(if is_there { ReplaceContextOutcome::Conflict } else { ReplaceContextOutcome::NotFound })
    }

    async fn begin_compaction(
        &self,
        id: ConversationId,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut nobodys = anyones(id);
        let never = doc! { "compacting_until": Option::<DateTime>::None };
        let lapsed = doc! { "compacting_until": { "$lte": date(now) } };
        nobodys.insert("$or", [never, lapsed]);
        let begun = doc! { "$set": { "compacting_until": date(until) } };
        let conversations = self.database.conversations();
        let update = self.database.answer(conversations.update_one(nobodys, begun)).await?;
        Ok(update.matched_count > 0)
    }

    async fn renew_compaction(
        &self,
        id: ConversationId,
        until: Timestamp,
        later: Timestamp,
    ) -> Result<bool, StoreError> {
        self.hold_compaction(id, until, Some(date(later))).await
    }

    async fn end_compaction(&self, id: ConversationId, until: Timestamp) -> Result<(), StoreError> {
        self.hold_compaction(id, until, None).await?;
        Ok(())
    }
}

impl MongoStore {
    /// Whether the right was still the one that was taken until `until`.
    async fn hold_compaction(
        &self,
        id: ConversationId,
        until: Timestamp,
        later: Option<DateTime>,
    ) -> Result<bool, StoreError> {
        let mut ours = anyones(id);
        ours.insert("compacting_until", date(until));
        let held = doc! { "$set": { "compacting_until": later } };
        let conversations = self.database.conversations();
        let update = self.database.answer(conversations.update_one(ours, held)).await?;
        Ok(update.matched_count > 0)
    }
}
