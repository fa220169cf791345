use async_trait::async_trait;
use futures_util::{FutureExt, TryStreamExt};
use mongodb::bson::{DateTime, Document, doc, serialize_to_bson, serialize_to_document};
use mongodb::error::Result as MongoResult;
use serde::Deserialize;
use serde_with::{TryFromInto, serde_as};
use webchat_domain::{
    Context, Conversation, ConversationId, Message, MessageId, SearchHit, SearchQuery, Timestamp,
    Title, TurnId, UserId,
};
use webchat_persistence::{
    AbandonedTurn, AnswerUpdate, Append, AppendOutcome, ArchiveFilter, ChildMessage,
    ContinueAnswer, Conversations, Cursor, Edit, EditOutcome, ListOrder, Page, SelectOutcome,
    StoreError, StoredConversation, rules,
};

use crate::database::Transaction;
use crate::documents::{
    CONVERSATION_SCHEMA, ContextDocument, ConversationDocument, MessageDocument, date, long,
};
use crate::queries::{anyones, at_most, find_conversation, owned, without_context};
use crate::versions::Node;
use crate::{MongoDatabase, MongoStore, append, file_jobs, lapsed, removals, search, versions};

#[async_trait]
impl Conversations for MongoStore {
    async fn create(
        &self,
        user_id: UserId,
        id: ConversationId,
        now: Timestamp,
    ) -> Result<Option<Conversation>, StoreError> {
        let conversation = rules::new_conversation(id, now);
        let document = ConversationDocument::new(StoredConversation {
            user_id,
            conversation: conversation.clone(),
            head: None,
            last_position: 0,
            context: Context::default(),
        });
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
        Ok(self.find_document(user_id, id).await?.map(Conversation::from))
    }

    async fn list(
        &self,
        user_id: UserId,
        which: ArchiveFilter,
        order: ListOrder,
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<Page<Conversation>, StoreError> {
        self.database.answer(list(&self.database, user_id, which, order, after, limit)).await
    }

    async fn edit(
        &self,
        user_id: UserId,
        id: ConversationId,
        change: Edit,
        now: Timestamp,
    ) -> Result<EditOutcome, StoreError> {
        self.database
            .transaction(change, move |transaction, change| {
                edit(transaction, user_id, id, change, now).boxed()
            })
            .await
    }

    async fn replace_title_if(
        &self,
        user_id: UserId,
        id: ConversationId,
        expected: Title,
        title: Title,
    ) -> Result<bool, StoreError> {
        let mut expected_one = owned(user_id, id);
        expected_one.insert("title", expected.as_str());
        let retitled = doc! { "$set": { "title": title.as_str() } };
        let conversations = self.database.conversations();
        let updated = conversations.update_one(expected_one, retitled);
        Ok(self.database.answer(updated).await?.matched_count > 0)
    }

    async fn delete(&self, user_id: UserId, id: ConversationId) -> Result<bool, StoreError> {
        let deleted = self
            .database
            .transaction((), move |transaction, ()| delete(transaction, user_id, id).boxed())
            .await?;
        self.remover.wake();
        Ok(deleted)
    }

    async fn reset(
        &self,
        user_id: UserId,
        id: ConversationId,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let emptied = self
            .database
            .transaction((), move |transaction, ()| reset(transaction, user_id, id, now).boxed())
            .await?;
        self.remover.wake();
        Ok(emptied)
    }

    async fn append(
        &self,
        user_id: UserId,
        id: ConversationId,
        append: Append,
        now: Timestamp,
    ) -> Result<AppendOutcome, StoreError> {
        self.database
            .transaction(append, move |transaction, append| {
                append::append(transaction, user_id, id, append, now).boxed()
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
        self.database
            .transaction(continuation, move |transaction, continuation| {
                versions::continue_answer(transaction, user_id, id, continuation, now).boxed()
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
                versions::select(transaction, user_id, id, message_id, now).boxed()
            })
            .await
    }

    async fn save_answer(
        &self,
        id: ConversationId,
        answer: AnswerUpdate,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.database
            .transaction(answer, move |transaction, answer| {
                save_answer(transaction, id, answer, now).boxed()
            })
            .await
    }

    async fn claim_expired_turns(
        &self,
        now: Timestamp,
        unpublished_since: Timestamp,
        until: Timestamp,
        limit: u32,
    ) -> Result<Vec<AbandonedTurn>, StoreError> {
        let mut taken = Vec::new();
        for _ in 0..limit {
            let next = lapsed::take_over_one(&self.database, now, unpublished_since, until);
            let Some(turn) = self.database.answer(next).await? else { break };
            taken.push(turn);
        }
        Ok(taken)
    }

    async fn end_turn(&self, id: ConversationId, turn_id: TurnId) -> Result<bool, StoreError> {
        self.database.answer(lapsed::end(&self.database, id, turn_id)).await
    }

    async fn running_turn(
        &self,
        user_id: UserId,
        id: ConversationId,
        now: Timestamp,
    ) -> Result<Option<TurnId>, StoreError> {
        let conversation = self.find_document(user_id, id).await?;
        Ok(conversation.and_then(|conversation| conversation.running_turn(now)))
    }

    async fn messages(
        &self,
        user_id: UserId,
        id: ConversationId,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Option<Vec<Message>>, StoreError> {
        // The messages first: whatever becomes of the conversation between the two reads, it then
        // says which of them are still there.
        let messages = self.database.answer(messages(&self.database, id, before, limit)).await?;
        let Some(conversation) = self.find_document(user_id, id).await? else {
            return Ok(None);
        };
        let visible = messages
            .into_iter()
            .rev()
            .filter(|message| message.position > conversation.emptied_through);
        Ok(Some(visible.map(Message::from).collect()))
    }

    async fn message(
        &self,
        user_id: UserId,
        id: ConversationId,
        message_id: MessageId,
    ) -> Result<Option<Message>, StoreError> {
        let of_owner = doc! {
            "message_id": message_id.to_string(),
            "conversation_id": id.to_string(),
            "user_id": user_id.to_string(),
        };
        let messages = self.database.messages();
        let found = self.database.answer(messages.find_one(of_owner)).await?;
        let conversation = self.find_document(user_id, id).await?;
        let (Some(message), Some(conversation)) = (found, conversation) else {
            return Ok(None);
        };
        Ok((message.position > conversation.emptied_through).then(|| message.into()))
    }

    async fn children(
        &self,
        user_id: UserId,
        id: ConversationId,
        parents: Vec<Option<MessageId>>,
    ) -> Result<Vec<ChildMessage>, StoreError> {
        let found = self.database.answer(children(&self.database, user_id, id, &parents)).await?;
        let Some(conversation) = self.find_document(user_id, id).await? else {
            return Ok(Vec::new());
        };
        let there = found.into_iter().filter(|node| node.position > conversation.emptied_through);
        Ok(there.map(ChildMessage::from).collect())
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
        self.database.answer(search::search(&self.database, user_id, query, limit)).await
    }
}

impl MongoStore {
    async fn find_document(
        &self,
        user_id: UserId,
        id: ConversationId,
    ) -> Result<Option<ConversationDocument>, StoreError> {
        let conversations = self.database.conversations();
        self.database
            .answer(conversations.find_one(owned(user_id, id)).projection(without_context()))
            .await
    }
}

/// The value of `archived` that finds one kind or the other: the field exists only where it is true.
fn archived_value(archived: bool) -> Option<bool> {
    archived.then_some(true)
}

async fn edit(
    mut transaction: Transaction<'_>,
    user_id: UserId,
    id: ConversationId,
    edit: &Edit,
    now: Timestamp,
) -> MongoResult<EditOutcome> {
    let Some(found) = find_conversation(&mut transaction, owned(user_id, id)).await? else {
        return Ok(EditOutcome::NotFound);
    };
    let found = Conversation::from(found);
    if let Err(rejected) = rules::check_edit(edit, &found) {
        return Ok(rejected);
    }
    let edited = rules::apply_edit(edit, found, now);
    let conversations = transaction.database.conversations();
    conversations
        .update_one(owned(user_id, id), edited_fields(&edited))
        .session(transaction.session)
        .await?;
    Ok(EditOutcome::Stored(edited))
}

fn edited_fields(edited: &Conversation) -> Document {
    let mut set = doc! {
        "title": edited.title.as_ref().map(Title::as_str),
        "updated_at": date(edited.updated_at),
    };
    if edited.archived {
        set.insert("archived", true);
        return doc! { "$set": set };
    }
    doc! { "$set": set, "$unset": { "archived": "" } }
}

/// `false`: there is one of its id, or something is left of one.
async fn create(
    mut transaction: Transaction<'_>,
    document: &ConversationDocument,
) -> MongoResult<bool> {
    let conversations = transaction.database.conversations();
    let same_id = doc! { "conversation_id": document.conversation_id.to_string() };
    if conversations.find_one(same_id).session(&mut *transaction.session).await?.is_some()
        || removals::has_remains(&mut transaction, document.conversation_id).await?
    {
        return Ok(false);
    }
    conversations.insert_one(document).session(transaction.session).await?;
    Ok(true)
}

async fn list(
    database: &MongoDatabase,
    user_id: UserId,
    which: ArchiveFilter,
    order: ListOrder,
    after: Option<Cursor>,
    limit: u32,
) -> MongoResult<Page<Conversation>> {
    let field = match order {
        ListOrder::Created => "created_at",
        ListOrder::Updated => "updated_at",
    };
    let mut filter = doc! { "user_id": user_id.to_string(), "schema": CONVERSATION_SCHEMA };
    match which {
        ArchiveFilter::All => {}
        ArchiveFilter::Active => drop(filter.insert("archived", archived_value(false))),
        ArchiveFilter::Archived => drop(filter.insert("archived", archived_value(true))),
    }
    if let Some(Cursor { at, id }) = after {
        filter.insert(field, doc! { "$lte": date(at) });
        let before = doc! { field: { "$lt": date(at) } };
        let same_moment = doc! { "conversation_id": { "$lt": id.to_string() } };
        filter.insert("$or", [before, same_moment]);
    }
    let conversations = database.conversations();
    let find = conversations
        .find(filter)
        .sort(doc! { field: -1, "conversation_id": -1 })
        .projection(without_context());
    let found = at_most(limit.saturating_add(1), find).await?;
    let items = found.into_iter().map(Conversation::from).collect();
    Ok(rules::build_page(items, order, limit))
}

async fn delete(
    mut transaction: Transaction<'_>,
    user_id: UserId,
    id: ConversationId,
) -> MongoResult<bool> {
    let conversations = transaction.database.conversations();
    let deleted = conversations
        .find_one_and_delete(owned(user_id, id))
        .projection(without_context())
        .session(&mut *transaction.session)
        .await?;
    let Some(deleted) = deleted else {
        return Ok(false);
    };
    file_jobs::remove_all(&mut transaction, id).await?;
    removals::order(transaction, &deleted).await?;
    Ok(true)
}

async fn reset(
    mut transaction: Transaction<'_>,
    user_id: UserId,
    id: ConversationId,
    now: Timestamp,
) -> MongoResult<bool> {
    let Some(conversation) = find_conversation(&mut transaction, owned(user_id, id)).await? else {
        return Ok(false);
    };
    let emptied = doc! {
        "$set": {
            "updated_at": date(now),
            "message_count": 0_i64,
            "total_tokens": 0_i64,
            "head": Option::<String>::None,
            "running_turn": Option::<String>::None,
            "lease_until": Option::<DateTime>::None,
            "emptied_through": long(conversation.last_position),
            "context": serialize_to_document(&ContextDocument::default())?,
        },
        // So that nobody writes over the context who has not seen that it is empty.
        "$inc": { "context_revision": 1_i64 },
    };
    transaction
        .database
        .conversations()
        .update_one(owned(user_id, id), emptied)
        .session(&mut *transaction.session)
        .await?;
    file_jobs::remove_all(&mut transaction, id).await?;
    removals::order(transaction, &conversation).await?;
    Ok(true)
}

#[serde_as]
#[derive(Deserialize)]
struct SavedTokens {
    #[serde_as(as = "TryFromInto<i64>")]
    token_count: u32,
    active: bool,
}

async fn save_answer(
    mut transaction: Transaction<'_>,
    id: ConversationId,
    answer: &AnswerUpdate,
    now: Timestamp,
) -> MongoResult<bool> {
    let Some(conversation) = find_conversation(&mut transaction, anyones(id)).await? else {
        return Ok(false);
    };
    if !rules::can_save_answer(answer, conversation.running_turn, conversation.lease_until) {
        return Ok(false);
    }
    let message = doc! {
        "message_id": answer.message_id.to_string(),
        "conversation_id": id.to_string(),
    };
    let messages = transaction.database.messages();
    let saved = messages
        .clone_with_type::<SavedTokens>()
        .find_one(message.clone())
        .projection(doc! { "token_count": 1, "active": 1 })
        .session(&mut *transaction.session)
        .await?;
    let Some(SavedTokens { token_count, active }) = saved else {
        return Ok(false);
    };
    let renewed = doc! { "updated_at": date(now), "lease_until": answer.lease_until.map(date) };
    let more_tokens = rules::token_difference(answer, token_count, active);
    let renewed = doc! { "$set": renewed, "$inc": { "total_tokens": more_tokens } };
    let conversations = transaction.database.conversations();
    conversations.update_one(anyones(id), renewed).session(&mut *transaction.session).await?;
    let content = doc! { "$set": {
        "content": &answer.content,
        "token_count": i64::from(answer.token_count),
        "status": serialize_to_bson(&answer.status)?,
        "error": serialize_to_bson(&answer.error)?,
    } };
    messages.update_one(message, content).session(transaction.session).await?;
    Ok(true)
}

/// The newest messages, newest first.
async fn messages(
    database: &MongoDatabase,
    id: ConversationId,
    before: Option<u64>,
    limit: u32,
) -> MongoResult<Vec<MessageDocument>> {
    let filter = doc! {
        "conversation_id": id.to_string(),
        "active": true,
        "position": { "$lt": before.map_or(i64::MAX, long) },
    };
    at_most(limit, database.messages().find(filter).sort(doc! { "position": -1 })).await
}

/// Oldest first.
async fn children(
    database: &MongoDatabase,
    user_id: UserId,
    id: ConversationId,
    parents: &[Option<MessageId>],
) -> MongoResult<Vec<Node>> {
    let parents: Vec<Option<String>> =
        parents.iter().map(|parent| parent.map(|id| id.to_string())).collect();
    let filter = doc! {
        "conversation_id": id.to_string(),
        "user_id": user_id.to_string(),
        "parent_id": { "$in": parents },
    };
    let messages = database.messages().clone_with_type::<Node>();
    let find = messages.find(filter).sort(doc! { "position": 1 }).projection(Node::projection());
    find.await?.try_collect().await
}
