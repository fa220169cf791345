use async_trait::async_trait;
use rusqlite::{OptionalExtension, Transaction, params};
use webchat_domain::{
    Conversation, ConversationId, Message, MessageId, SearchHit, SearchQuery, Timestamp, Title,
    TurnId, UserId,
};
use webchat_persistence::{
    AbandonedTurn, AnswerUpdate, Append, AppendOutcome, ArchiveFilter, ChildMessage,
    ContinueAnswer, Conversations, Cursor, Edit, EditOutcome, ListOrder, Page, SelectOutcome,
    StoreError,
};

use crate::lapsed::{self, Lapsed};
use crate::rows::{self, CONVERSATION, MESSAGE};
use crate::{SqliteStore, append, contexts, file_jobs, search, versions};

#[async_trait]
impl Conversations for SqliteStore {
    async fn create(
        &self,
        user_id: UserId,
        id: ConversationId,
        now: Timestamp,
    ) -> Result<Option<Conversation>, StoreError> {
        self.database
            .write(move |transaction| {
                let created = transaction.execute(
                    "INSERT INTO conversations (conversation_id, user_id, created_at, updated_at)
                     VALUES (?1, ?2, ?3, ?3) ON CONFLICT (conversation_id) DO NOTHING",
                    params![id.to_simple(), user_id.to_simple(), now.unix_millis()],
                )?;
                Ok((created > 0).then_some(Conversation {
                    conversation_id: id,
                    title: None,
                    created_at: now,
                    updated_at: now,
                    message_count: 0,
                    total_tokens: 0,
                    archived: false,
                }))
            })
            .await
    }

    async fn find(
        &self,
        user_id: UserId,
        id: ConversationId,
    ) -> Result<Option<Conversation>, StoreError> {
        self.database
            .read(move |transaction| rows::find_conversation(transaction, user_id, id))
            .await
    }

    async fn list(
        &self,
        user_id: UserId,
        which: ArchiveFilter,
        order: ListOrder,
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<Page<Conversation>, StoreError> {
        self.database
            .read(move |transaction| list(transaction, user_id, which, order, after, limit))
            .await
    }

    async fn edit(
        &self,
        user_id: UserId,
        id: ConversationId,
        change: Edit,
        now: Timestamp,
    ) -> Result<EditOutcome, StoreError> {
        self.database.write(move |transaction| edit(transaction, user_id, id, &change, now)).await
    }

    async fn replace_title_if(
        &self,
        user_id: UserId,
        id: ConversationId,
        expected: Title,
        title: Title,
    ) -> Result<bool, StoreError> {
        self.database
            .write(move |transaction| {
                let retitled = transaction.execute(
                    "UPDATE conversations SET title = ?4
                     WHERE conversation_id = ?1 AND user_id = ?2 AND title = ?3",
                    params![id.to_simple(), user_id.to_simple(), expected.as_str(), title.as_str()],
                )?;
                Ok(retitled > 0)
            })
            .await
    }

    async fn delete(&self, user_id: UserId, id: ConversationId) -> Result<bool, StoreError> {
        self.database
            .write(move |transaction| {
                let deleted = transaction.execute(
                    "DELETE FROM conversations WHERE conversation_id = ?1 AND user_id = ?2",
                    [id.to_simple(), user_id.to_simple()],
                )?;
                Ok(deleted > 0)
            })
            .await
    }

    async fn reset(
        &self,
        user_id: UserId,
        id: ConversationId,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.database.write(move |transaction| reset(transaction, user_id, id, now)).await
    }

    async fn append(
        &self,
        user_id: UserId,
        id: ConversationId,
        append: Append,
        now: Timestamp,
    ) -> Result<AppendOutcome, StoreError> {
        self.database
            .write(move |transaction| append::append(transaction, user_id, id, append, now))
            .await
    }

    async fn continue_answer(
        &self,
        user_id: UserId,
        id: ConversationId,
        continuation: ContinueAnswer,
        now: Timestamp,
    ) -> Result<AppendOutcome, StoreError> {
        self.database
            .write(move |transaction| {
                versions::continue_answer(transaction, user_id, id, &continuation, now)
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
            .write(move |transaction| versions::select(transaction, user_id, id, message_id, now))
            .await
    }

    async fn save_answer(
        &self,
        id: ConversationId,
        answer: AnswerUpdate,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.database.write(move |transaction| save_answer(transaction, id, &answer, now)).await
    }

    async fn claim_expired_turns(
        &self,
        now: Timestamp,
        unpublished_since: Timestamp,
        until: Timestamp,
        limit: u32,
    ) -> Result<Vec<AbandonedTurn>, StoreError> {
        let lapsed = Lapsed { now, unpublished_since };
        // Most of the time there is none: then nothing is written.
        if !self.database.read(move |transaction| lapsed.are_there_any(transaction)).await? {
            return Ok(Vec::new());
        }
        self.database.write(move |transaction| lapsed.take_over(transaction, until, limit)).await
    }

    async fn end_turn(&self, id: ConversationId, turn_id: TurnId) -> Result<bool, StoreError> {
        self.database.write(move |transaction| lapsed::end(transaction, id, turn_id)).await
    }

    async fn running_turn(
        &self,
        user_id: UserId,
        id: ConversationId,
        now: Timestamp,
    ) -> Result<Option<TurnId>, StoreError> {
        self.database.read(move |transaction| running_turn(transaction, user_id, id, now)).await
    }

    async fn messages(
        &self,
        user_id: UserId,
        id: ConversationId,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Option<Vec<Message>>, StoreError> {
        self.database
            .read(move |transaction| {
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
            .read(move |transaction| rows::find_message(transaction, user_id, id, message_id))
            .await
    }

    async fn children(
        &self,
        user_id: UserId,
        id: ConversationId,
        parents: Vec<Option<MessageId>>,
    ) -> Result<Vec<ChildMessage>, StoreError> {
        self.database
            .read(move |transaction| versions::children(transaction, user_id, id, &parents))
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
        let expression = search::expression(user_id, query);
        self.database.read(move |transaction| search::search(transaction, &expression, limit)).await
    }
}

fn list(
    transaction: &Transaction<'_>,
    user_id: UserId,
    which: ArchiveFilter,
    order: ListOrder,
    after: Option<Cursor>,
    limit: u32,
) -> rusqlite::Result<Page<Conversation>> {
    let (column, moment): (_, fn(&Conversation) -> Timestamp) = match order {
        ListOrder::Created => ("created_at", |conversation| conversation.created_at),
        ListOrder::Updated => ("updated_at", |conversation| conversation.updated_at),
    };
    let on_shelf = match which {
        ArchiveFilter::All => "",
        ArchiveFilter::Active => "AND archived = 0",
        ArchiveFilter::Archived => "AND archived = 1",
    };
    let (at, id) = after.map_or((i64::MAX, String::new()), |cursor| {
        (cursor.at.unix_millis(), cursor.id.to_simple())
    });
    let mut items: Vec<Conversation> = transaction
        .prepare_cached(&format!(
            "SELECT {CONVERSATION} FROM conversations
             WHERE user_id = ?1 {on_shelf} AND ({column}, conversation_id) < (?2, ?3)
             ORDER BY {column} DESC, conversation_id DESC LIMIT ?4"
        ))?
        .query_map(params![user_id.to_simple(), at, id, u64::from(limit) + 1], rows::conversation)?
        .collect::<Result<_, _>>()?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let is_last = items.len() <= limit;
    items.truncate(limit);
    let next = items
        .last()
        .filter(|_| !is_last)
        .map(|last| Cursor { at: moment(last), id: last.conversation_id });
    Ok(Page { items, next })
}

fn edit(
    transaction: &Transaction<'_>,
    user_id: UserId,
    id: ConversationId,
    edit: &Edit,
    now: Timestamp,
) -> rusqlite::Result<EditOutcome> {
    let Some(found) = rows::find_conversation(transaction, user_id, id)? else {
        return Ok(EditOutcome::NotFound);
    };
    if edit.expected.as_ref().is_some_and(|expected| *expected != found) {
        return Ok(EditOutcome::Conflict);
    }
    transaction
        .prepare_cached(
            "UPDATE conversations SET
                 title = coalesce(?2, title), archived = coalesce(?3, archived),
                 updated_at = iif(?2 IS NULL, updated_at, ?4)
             WHERE conversation_id = ?1",
        )?
        .execute(params![
            id.to_simple(),
            edit.title.as_ref().map(Title::as_str),
            edit.archived,
            now.unix_millis(),
        ])?;
    let edited = rows::find_conversation(transaction, user_id, id)?;
    Ok(edited.map_or(EditOutcome::NotFound, EditOutcome::Stored))
}

fn reset(
    transaction: &Transaction<'_>,
    user_id: UserId,
    id: ConversationId,
    now: Timestamp,
) -> rusqlite::Result<bool> {
    let emptied = transaction.execute(
        "UPDATE conversations SET updated_at = ?3, message_count = 0, total_tokens = 0,
             head = NULL, running_turn = NULL, lease_until = NULL
         WHERE conversation_id = ?1 AND user_id = ?2",
        params![id.to_simple(), user_id.to_simple(), now.unix_millis()],
    )?;
    if emptied > 0 {
        transaction.execute("DELETE FROM messages WHERE conversation_id = ?1", [id.to_simple()])?;
        contexts::empty(transaction, id)?;
        file_jobs::remove_all(transaction, id)?;
    }
    Ok(emptied > 0)
}

fn save_answer(
    transaction: &Transaction<'_>,
    id: ConversationId,
    answer: &AnswerUpdate,
    now: Timestamp,
) -> rusqlite::Result<bool> {
    let message_id = answer.message_id.to_simple();
    // What is off the visible path, as a turn that lapsed may come to be, is not counted.
    let more_tokens: Option<i64> = transaction
        .prepare_cached(
            "SELECT iif(active, ?4 - token_count, 0)
             FROM messages JOIN conversations USING (conversation_id)
             WHERE conversation_id = ?1 AND message_id = ?2 AND running_turn = ?3
                 AND (lease_until IS NOT NULL OR ?5)",
        )?
        .query_row(
            params![
                id.to_simple(),
                message_id,
                answer.turn_id.to_simple(),
                answer.token_count,
                answer.lease_until.is_none(),
            ],
            |row| row.get(0),
        )
        .optional()?;
    let Some(more_tokens) = more_tokens else {
        return Ok(false);
    };
    transaction
        .prepare_cached(
            "UPDATE messages SET content = ?2, token_count = ?3, status = ?4,
                 error_message = ?5, error_code = ?6
             WHERE message_id = ?1",
        )?
        .execute(params![
            message_id,
            answer.content,
            answer.token_count,
            rows::status_name(answer.status),
            answer.error.as_ref().map(|error| &error.message),
            answer.error.as_ref().map(|error| &error.code),
        ])?;
    transaction
        .prepare_cached(
            "UPDATE conversations
             SET updated_at = ?2, total_tokens = total_tokens + ?3, lease_until = ?4
             WHERE conversation_id = ?1",
        )?
        .execute(params![
            id.to_simple(),
            now.unix_millis(),
            more_tokens,
            answer.lease_until.map(Timestamp::unix_millis),
        ])?;
    Ok(true)
}

fn running_turn(
    transaction: &Transaction<'_>,
    user_id: UserId,
    id: ConversationId,
    now: Timestamp,
) -> rusqlite::Result<Option<TurnId>> {
    transaction
        .prepare_cached(
            "SELECT running_turn FROM conversations
             WHERE conversation_id = ?1 AND user_id = ?2 AND lease_until > ?3",
        )?
        .query_row(params![id.to_simple(), user_id.to_simple(), now.unix_millis()], |row| {
            rows::parsed_option(row, "running_turn")
        })
        .optional()
        .map(Option::flatten)
}

fn messages(
    transaction: &Transaction<'_>,
    id: ConversationId,
    before: Option<u64>,
    limit: u32,
) -> rusqlite::Result<Vec<Message>> {
    let before = before.and_then(|before| i64::try_from(before).ok()).unwrap_or(i64::MAX);
    let mut messages: Vec<Message> = transaction
        .prepare_cached(&format!(
            "SELECT {MESSAGE} FROM messages
             WHERE conversation_id = ?1 AND active = 1 AND position < ?2
             ORDER BY position DESC LIMIT ?3"
        ))?
        .query_map(params![id.to_simple(), before, limit], rows::message)?
        .collect::<Result<_, _>>()?;
    messages.reverse();
    Ok(messages)
}
