use std::mem;

use async_trait::async_trait;
use futures_util::FutureExt;
use mongodb::bson::{Bson, doc};
use mongodb::error::Result as MongoResult;
use webchat_domain::{ConversationId, UserId};
use webchat_persistence::{Cursor, Exchange, StoreError, StoredConversation, StoredMessage};

use crate::database::Transaction;
use crate::documents::{CONVERSATION_SCHEMA, ConversationDocument, MessageDocument, date, long};
use crate::queries::{anyones, at_most, find_conversation, owned};
use crate::{MongoStore, removals};

/// How many messages one transaction writes, and how long their texts may be together, in bytes.
const MESSAGES_AT_ONCE: usize = 500;
const BYTES_AT_ONCE: usize = 1024 * 1024;

#[async_trait]
impl Exchange for MongoStore {
    async fn conversations_of(
        &self,
        user_id: UserId,
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<Vec<StoredConversation>, StoreError> {
        let mut filter = doc! { "user_id": user_id.to_string(), "schema": CONVERSATION_SCHEMA };
        if let Some(Cursor { at, id }) = after {
            filter.insert("created_at", doc! { "$gte": date(at) });
            let later = doc! { "created_at": { "$gt": date(at) } };
            let same_moment = doc! { "conversation_id": { "$gt": id.to_string() } };
            filter.insert("$or", [later, same_moment]);
        }
        let conversations = self.database.conversations();
        let find = conversations.find(filter).sort(doc! { "created_at": 1, "conversation_id": 1 });
        let found = self.database.answer(at_most(limit, find)).await?;
        Ok(found.into_iter().map(StoredConversation::from).collect())
    }

    async fn conversation_of(
        &self,
        user_id: UserId,
        id: ConversationId,
    ) -> Result<Option<StoredConversation>, StoreError> {
        let conversations = self.database.conversations();
        let found = self.database.answer(conversations.find_one(owned(user_id, id))).await?;
        Ok(found.map(StoredConversation::from))
    }

    async fn messages_of(
        &self,
        user_id: UserId,
        id: ConversationId,
        after: u64,
        limit: u32,
    ) -> Result<Option<Vec<StoredMessage>>, StoreError> {
        let conversations = self.database.conversations();
        let conversation = self.database.answer(conversations.find_one(owned(user_id, id))).await?;
        let Some(conversation) = conversation else {
            return Ok(None);
        };
        // What a reset took away may still lie there.
        let after = after.max(conversation.reset_through);
        let filter = doc! { "conversation_id": id.to_string(), "position": { "$gt": long(after) } };
        let messages = self.database.messages();
        let find = messages.find(filter).sort(doc! { "position": 1 });
        let found = self.database.answer(at_most(limit, find)).await?;
        Ok(Some(found.into_iter().map(StoredMessage::from).collect()))
    }

    /// The conversation comes last, with the last of its messages: until then nobody sees the others,
    /// and what a crash left of them is taken away by the next try.
    async fn add_whole(
        &self,
        conversation: StoredConversation,
        messages: Vec<StoredMessage>,
    ) -> Result<bool, StoreError> {
        removals::finish(&self.database).await?;
        let user_id = conversation.user_id;
        let conversation = ConversationDocument::new(conversation);
        let id = conversation.conversation_id;
        while self.database.transaction(id, |t, id| clear(t, *id).boxed()).await? {}
        let mut written = 0;
        let mut batch = Vec::new();
        let mut bytes = 0;
        for message in messages {
            bytes += message.message.content.len();
            if batch.len() == MESSAGES_AT_ONCE || (!batch.is_empty() && bytes > BYTES_AT_ONCE) {
                bytes = message.message.content.len();
                written += long_len(&batch);
                let add = (id, mem::take(&mut batch));
                if !self.database.transaction(add, |t, add| add_messages(t, add).boxed()).await? {
                    return Ok(false);
                }
            }
            batch.push(MessageDocument::new(user_id, message));
        }
        let rest = Rest { conversation, written, messages: batch };
        let added = self.database.transaction(rest, |t, rest| add_rest(t, rest).boxed()).await?;
        match added {
            Added::Now => Ok(true),
            Added::Before => Ok(false),
            Added::Disturbed => {
                Err(StoreError::unavailable("the same conversation is being added elsewhere"))
            }
        }
    }
}

/// What is written last.
struct Rest {
    conversation: ConversationDocument,
    /// How many messages are there already.
    written: u64,
    messages: Vec<MessageDocument>,
}

enum Added {
    Now,
    Before,
    /// Somebody else has cleared away what was written for it.
    Disturbed,
}

/// Deletes some messages of a conversation that is not there. `false`: there are no more.
async fn clear(mut transaction: Transaction<'_>, id: ConversationId) -> MongoResult<bool> {
    if find_conversation(&mut transaction, anyones(id)).await?.is_some() {
        return Ok(false);
    }
    let Transaction { database, session } = transaction;
    let of_it = doc! { "conversation_id": id.to_string() };
    let messages = database.messages();
    let some = i64::try_from(MESSAGES_AT_ONCE).unwrap_or(i64::MAX);
    let mut found = messages.find(of_it).limit(some).session(&mut *session).await?;
    let mut ids: Vec<Bson> = Vec::new();
    while let Some(message) = found.next(&mut *session).await.transpose()? {
        ids.push(message.message_id.to_string().into());
    }
    if ids.is_empty() {
        return Ok(false);
    }
    messages.delete_many(doc! { "message_id": { "$in": ids } }).session(session).await?;
    Ok(true)
}

/// `false`: the conversation is there already.
async fn add_messages(
    mut transaction: Transaction<'_>,
    (id, added): &(ConversationId, Vec<MessageDocument>),
) -> MongoResult<bool> {
    if find_conversation(&mut transaction, anyones(*id)).await?.is_some() {
        return Ok(false);
    }
    let messages = transaction.database.messages();
    messages.insert_many(added).session(transaction.session).await?;
    Ok(true)
}

async fn add_rest(mut transaction: Transaction<'_>, rest: &Rest) -> MongoResult<Added> {
    let id = rest.conversation.conversation_id;
    if find_conversation(&mut transaction, anyones(id)).await?.is_some() {
        return Ok(Added::Before);
    }
    let Transaction { database, session } = transaction;
    let messages = database.messages();
    let of_it = doc! { "conversation_id": id.to_string() };
    if messages.count_documents(of_it).session(&mut *session).await? != rest.written {
        return Ok(Added::Disturbed);
    }
    if !rest.messages.is_empty() {
        messages.insert_many(&rest.messages).session(&mut *session).await?;
    }
    database.conversations().insert_one(&rest.conversation).session(session).await?;
    Ok(Added::Now)
}

fn long_len(batch: &[MessageDocument]) -> u64 {
    u64::try_from(batch.len()).unwrap_or(u64::MAX)
}
