//! Implements [`Conversations`].

use async_trait::async_trait;
use futures_util::FutureExt;
use webchat_domain::{
    Conversation, ConversationId, Message, MessageId, SearchHit, SearchQuery, Timestamp, Title,
    TitleHit, TurnId, UserId,
};
use webchat_persistence::{
    AbandonedTurn, AnswerUpdate, Append, AppendOutcome, ArchiveFilter, ChildMessage, ClaimScope,
    ContinueAnswer, Conversations, Cursor, Edit, EditOutcome, ListOrder, Page, SelectOutcome,
    StoreError,
};

use super::create::{create, new_conversation};
use super::delete::{delete, reset};
use super::list::{count, list};
use super::turns::{self, continue_answer, expired_turns, save_answer};
use super::versions::select;
use super::{edit, messages};
use crate::queries::find_by_owner;
use crate::search::{search, search_conversations, search_titles};
use crate::store::MongoStore;

#[async_trait]
impl Conversations for MongoStore {
    async fn create(
        &self,
        user_id: UserId,
        id: ConversationId,
        now: Timestamp,
    ) -> Result<Option<Conversation>, StoreError> {
        let document = new_conversation(user_id, id, now);
        let conversation = document.clone().into();
        let created = self
            .database
            .transaction(document, |transaction, document| create(transaction, document).boxed())
            .await?;
        Ok(created.then_some(conversation))
    }

    async fn find(
        &self,
        user_id: UserId,
        id: ConversationId,
    ) -> Result<Option<Conversation>, StoreError> {
        Ok(find_by_owner(&self.database, user_id, id).await?.map(Conversation::from))
    }

    async fn list(
        &self,
        user_id: UserId,
        filter: ArchiveFilter,
        order: ListOrder,
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<Page<Conversation>, StoreError> {
        self.database.run(list(&self.database, user_id, filter, order, after, limit)).await
    }

    async fn count(&self, user_id: UserId) -> Result<u64, StoreError> {
        self.database.run(count(&self.database, user_id)).await
    }

    async fn edit(
        &self,
        user_id: UserId,
        id: ConversationId,
        edit: Edit,
    ) -> Result<EditOutcome, StoreError> {
        self.database
            .transaction(edit, move |transaction, edit| {
                edit::edit(transaction, user_id, id, edit).boxed()
            })
            .await
    }

    async fn replace_title_if(
        &self,
        user_id: UserId,
        id: ConversationId,
        expected: Title,
        title: Option<Title>,
    ) -> Result<bool, StoreError> {
        edit::replace_title_if(&self.database, user_id, id, &expected, title.as_ref()).await
    }

    async fn delete(&self, user_id: UserId, id: ConversationId) -> Result<bool, StoreError> {
        let is_deleted = self
            .database
            .transaction((), move |transaction, ()| delete(transaction, user_id, id).boxed())
            .await?;
        self.deletion_worker.wake();
        Ok(is_deleted)
    }

    async fn reset(
        &self,
        user_id: UserId,
        id: ConversationId,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let is_reset = self
            .database
            .transaction((), move |transaction, ()| reset(transaction, user_id, id, now).boxed())
            .await?;
        self.deletion_worker.wake();
        Ok(is_reset)
    }

    async fn append(
        &self,
        user_id: UserId,
        id: ConversationId,
        append: Append,
        now: Timestamp,
    ) -> Result<AppendOutcome, StoreError> {
        turns::append(&self.database, user_id, id, append, now).await
    }

    async fn continue_answer(
        &self,
        user_id: UserId,
        id: ConversationId,
        continuation: ContinueAnswer,
        now: Timestamp,
    ) -> Result<AppendOutcome, StoreError> {
        self.database
            .transaction(continuation, move |transaction, continuation| {
                continue_answer(transaction, user_id, id, continuation, now).boxed()
            })
            .await
    }

    async fn select(
        &self,
        user_id: UserId,
        id: ConversationId,
        message_id: MessageId,
        now: Timestamp,
    ) -> Result<SelectOutcome, StoreError> {
        self.database
            .transaction((), move |transaction, ()| {
                select(transaction, user_id, id, message_id, now).boxed()
            })
            .await
    }

    async fn save_answer(
        &self,
        id: ConversationId,
        answer: AnswerUpdate,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        save_answer(&self.database, id, answer, now).await
    }

    async fn claim_expired_turns(
        &self,
        scope: ClaimScope,
        expired_by: Timestamp,
        unpublished_since: Timestamp,
        until: Timestamp,
        limit: u32,
    ) -> Result<Vec<AbandonedTurn>, StoreError> {
        let mut claimed = Vec::new();
        for _ in 0..limit {
            let database = &self.database;
            let next =
                expired_turns::claim_next(database, &scope, expired_by, unpublished_since, until);
            let Some(turn) = self.database.run(next).await? else { break };
            claimed.push(turn);
        }
        Ok(claimed)
    }

    async fn end_turn(&self, id: ConversationId, turn_id: TurnId) -> Result<bool, StoreError> {
        self.database.run(expired_turns::end(&self.database, id, turn_id)).await
    }

    async fn running_turn(
        &self,
        user_id: UserId,
        id: ConversationId,
        now: Timestamp,
    ) -> Result<Option<TurnId>, StoreError> {
        let conversation = find_by_owner(&self.database, user_id, id).await?;
        Ok(conversation.and_then(|conversation| conversation.state().running_turn(now)))
    }

    async fn messages(
        &self,
        user_id: UserId,
        id: ConversationId,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Option<Vec<Message>>, StoreError> {
        messages::messages(&self.database, user_id, id, before, limit).await
    }

    async fn message(
        &self,
        user_id: UserId,
        id: ConversationId,
        message_id: MessageId,
    ) -> Result<Option<Message>, StoreError> {
        messages::message(&self.database, user_id, id, message_id).await
    }

    async fn children(
        &self,
        user_id: UserId,
        id: ConversationId,
        parents: Vec<Option<MessageId>>,
    ) -> Result<Vec<ChildMessage>, StoreError> {
        messages::children(&self.database, user_id, id, &parents).await
    }

    async fn search(
        &self,
        user_id: UserId,
        query: &SearchQuery,
        limit: u32,
    ) -> Result<Vec<SearchHit>, StoreError> {
        if query.is_empty() {
            return Ok(Vec::new());
        }
        let _permit = self.long_reads.acquire(Some(user_id)).await?;
        self.database.run(search(&self.database, user_id, query, limit)).await
    }

    async fn search_conversations(
        &self,
        user_id: UserId,
        query: &SearchQuery,
        max_messages: u32,
    ) -> Result<Vec<(ConversationId, f64)>, StoreError> {
        if query.is_empty() {
            return Ok(Vec::new());
        }
        let _permit = self.long_reads.acquire(Some(user_id)).await?;
        let search = search_conversations(&self.database, user_id, query, max_messages);
        self.database.run(search).await
    }

    async fn search_titles(
        &self,
        user_id: UserId,
        query: &SearchQuery,
        limit: u32,
    ) -> Result<Vec<TitleHit>, StoreError> {
        let _permit = self.long_reads.acquire(Some(user_id)).await?;
        self.database.run(search_titles(&self.database, user_id, query, limit)).await
    }
}
