//! Implements [`Conversations`].

use async_trait::async_trait;
use rusqlite::{Transaction, params};
use webchat_domain::{
    Conversation, ConversationId, Message, MessageId, SearchHit, SearchQuery, Timestamp, Title,
    TitleHit, TurnId, UserId,
};
use webchat_persistence::search::IndexTerms;
use webchat_persistence::{
    AbandonedTurn, AnswerUpdate, Append, AppendOutcome, ArchiveFilter, ChildMessage, ClaimScope,
    ContinueAnswer, Conversations, Cursor, Edit, EditOutcome, ListOrder, Page, SelectOutcome,
    StoreError, rules,
};

use super::append::{append, prepare};
use super::continue_answer::continue_answer;
use super::edit::{edit, reset};
use super::expired_turns::{self, ExpiredTurns};
use super::list::{count, list};
use super::messages::messages;
use super::save_answer::save_answer;
use super::select;
use crate::deletion::removals;
use crate::erasures::is_erased;
use crate::{SqliteStore, rows, search};

#[async_trait]
impl Conversations for SqliteStore {
    async fn create(
        &self,
        user_id: UserId,
        id: ConversationId,
        now: Timestamp,
    ) -> Result<Option<Conversation>, StoreError> {
        let insert = move |transaction: &Transaction<'_>| {
            if is_erased(transaction, user_id)? {
                return Ok(None);
            }
            let new = rules::new_conversation(id, now);
            let created = rows::insert_state(transaction, user_id, &new)?;
            Ok(created.then_some(new.conversation))
        };
        let created = self.database.write(insert).await?;
        // A deleted conversation has this id until all of its messages are deleted.
        if created.is_none() && removals::finish(&self.database, id).await? {
            return self.database.write(insert).await;
        }
        Ok(created)
    }

    async fn find(
        &self,
        user_id: UserId,
        id: ConversationId,
    ) -> Result<Option<Conversation>, StoreError> {
        self.database
            .read_for(user_id, move |transaction| rows::find_conversation(transaction, user_id, id))
            .await
    }

    async fn list(
        &self,
        user_id: UserId,
        filter: ArchiveFilter,
        order: ListOrder,
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<Page<Conversation>, StoreError> {
        self.database
            .read_for(user_id, move |transaction| {
                list(transaction, user_id, filter, order, after, limit)
            })
            .await
    }

    async fn count(&self, user_id: UserId) -> Result<u64, StoreError> {
        self.database.read_for(user_id, move |transaction| count(transaction, user_id)).await
    }

    async fn edit(
        &self,
        user_id: UserId,
        id: ConversationId,
        change: Edit,
    ) -> Result<EditOutcome, StoreError> {
        self.database.write(move |transaction| edit(transaction, user_id, id, &change)).await
    }

    async fn replace_title_if(
        &self,
        user_id: UserId,
        id: ConversationId,
        expected: Title,
        title: Option<Title>,
    ) -> Result<bool, StoreError> {
        self.database
            .write(move |transaction| {
                let (id, user_id) = (id.to_simple(), user_id.to_simple());
                let title = title.as_ref().map(Title::as_str);
                let updated = transaction
                    .prepare_cached(
                        "UPDATE conversations SET title = ?4
                         WHERE conversation_id = ?1 AND user_id = ?2 AND title = ?3",
                    )?
                    .execute(params![id, user_id, expected.as_str(), title])?;
                Ok(updated > 0)
            })
            .await
    }

    async fn delete(&self, user_id: UserId, id: ConversationId) -> Result<bool, StoreError> {
        let hide = move |transaction: &Transaction<'_>| removals::hide(transaction, user_id, id);
        let is_deleted = self.database.write(hide).await?;
        if is_deleted {
            self.deletion_worker.wake();
        }
        Ok(is_deleted)
    }

    async fn reset(
        &self,
        user_id: UserId,
        id: ConversationId,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let reset = move |transaction: &Transaction<'_>| reset(transaction, user_id, id, now);
        let is_reset = self.database.write(reset).await?;
        if is_reset {
            self.deletion_worker.wake();
        }
        Ok(is_reset)
    }

    async fn append(
        &self,
        user_id: UserId,
        id: ConversationId,
        new: Append,
        now: Timestamp,
    ) -> Result<AppendOutcome, StoreError> {
        let mut new = new;
        if new.version_of.is_some() {
            new = prepare(&self.database, user_id, id, new, now).await?;
        }
        let starts_turn = new.turn.is_some();
        self.append_messages(id, starts_turn, move |transaction| {
            append(transaction, user_id, id, new, now)
        })
        .await
    }

    async fn continue_answer(
        &self,
        user_id: UserId,
        id: ConversationId,
        continuation: ContinueAnswer,
        now: Timestamp,
    ) -> Result<AppendOutcome, StoreError> {
        self.append_messages(id, true, move |transaction| {
            continue_answer(transaction, user_id, id, &continuation, now)
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
        select::select(&self.database, user_id, id, message_id, now).await
    }

    async fn save_answer(
        &self,
        id: ConversationId,
        answer: AnswerUpdate,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let terms = IndexTerms::of(&answer.content);
        let save =
            move |transaction: &Transaction<'_>| save_answer(transaction, id, &answer, &terms, now);
        self.database.write(save).await
    }

    async fn claim_expired_turns(
        &self,
        scope: ClaimScope,
        expired_by: Timestamp,
        unpublished_since: Timestamp,
        until: Timestamp,
        limit: u32,
    ) -> Result<Vec<AbandonedTurn>, StoreError> {
        let expired = ExpiredTurns { expired_by, unpublished_since };
        // Usually there are none: don't use the writer then.
        if !self.database.read(move |transaction| expired.exist(transaction)).await? {
            return Ok(Vec::new());
        }
        self.database
            .write(move |transaction| expired.claim(transaction, &scope, until, limit))
            .await
    }

    async fn end_turn(&self, id: ConversationId, turn_id: TurnId) -> Result<bool, StoreError> {
        // Nobody waits for this: until it is stored, a crash only lets the end of the turn be published again.
        self.database
            .write_delayed(move |transaction| expired_turns::end_turn(transaction, id, turn_id))
            .await
    }

    async fn running_turn(
        &self,
        user_id: UserId,
        id: ConversationId,
        now: Timestamp,
    ) -> Result<Option<TurnId>, StoreError> {
        self.database
            .read(move |transaction| {
                let state = rows::find_state(transaction, user_id, id)?;
                Ok(state.and_then(|state| state.running_turn(now)))
            })
            .await
    }

    async fn messages(
        &self,
        user_id: UserId,
        id: ConversationId,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Option<Vec<Message>>, StoreError> {
        self.database
            .read_for(user_id, move |transaction| {
                if rows::find_conversation(transaction, user_id, id)?.is_none() {
                    return Ok(None);
                }
                messages(transaction, id, before, limit).map(Some)
            })
            .await
    }

    async fn message(
        &self,
        user_id: UserId,
        id: ConversationId,
        message_id: MessageId,
    ) -> Result<Option<Message>, StoreError> {
        self.database
            .read_for(user_id, move |transaction| {
                rows::find_message(transaction, user_id, id, message_id)
            })
            .await
    }

    async fn children(
        &self,
        user_id: UserId,
        id: ConversationId,
        parents: Vec<Option<MessageId>>,
    ) -> Result<Vec<ChildMessage>, StoreError> {
        self.database
            .read_for(user_id, move |transaction| {
                select::children(transaction, user_id, id, &parents)
            })
            .await
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
        let query = query.clone();
        self.database
            .search_for(user_id, move |transaction| {
                search::search(transaction, user_id, &query, limit)
            })
            .await
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
        let query = query.clone();
        self.database
            .search_for(user_id, move |transaction| {
                search::search_conversations(transaction, user_id, &query, max_messages)
            })
            .await
    }

    async fn search_titles(
        &self,
        user_id: UserId,
        query: &SearchQuery,
        limit: u32,
    ) -> Result<Vec<TitleHit>, StoreError> {
        let query = query.clone();
        self.database
            .search_for(user_id, move |transaction| {
                search::search_titles(transaction, user_id, &query, limit)
            })
            .await
    }
}
