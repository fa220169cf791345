//! Which of a conversation's messages are visible, where several follow the same one.

use std::collections::HashMap;

use mongodb::bson::{Bson, Document, deserialize_from_document, doc, serialize_to_bson};
use mongodb::error::Result as MongoResult;
use serde::Deserialize;
use serde_with::{DisplayFromStr, TryFromInto, serde_as};
use webchat_domain::{ConversationId, MessageId, MessageStatus, Role, Timestamp, UserId};
use webchat_persistence::{AppendOutcome, ChildMessage, ContinueAnswer, SelectOutcome};

use crate::database::Transaction;
use crate::documents::{ConversationDocument, MessageDocument, date, long};
use crate::queries::{find_conversation, owned};
use crate::taken::{sent_before, turn_runs};

/// A message without what is said.
#[serde_as]
#[derive(Clone, Deserialize)]
pub(crate) struct Node {
    #[serde_as(as = "DisplayFromStr")]
    message_id: MessageId,
    #[serde_as(as = "Option<DisplayFromStr>")]
    pub(crate) parent_id: Option<MessageId>,
    role: Role,
    #[serde_as(as = "TryFromInto<i64>")]
    pub(crate) position: u64,
    token_count: i64,
    active: bool,
}

/// What becomes visible: where it ends, and what of it was not visible before.
pub(crate) struct Path {
    end: Option<MessageId>,
    joining: Vec<Node>,
    /// The position behind which the visible path is another one.
    parting: u64,
}

/// What leaves the visible path.
#[derive(Default, Deserialize)]
struct Leaving {
    first: i64,
    count: i64,
    tokens: i64,
}

impl Node {
    pub(crate) fn projection() -> Document {
        doc! {
            "_id": 0, "message_id": 1, "parent_id": 1, "role": 1, "position": 1, "token_count": 1,
            "active": 1,
        }
    }
}

impl From<Node> for ChildMessage {
    fn from(node: Node) -> Self {
        Self { message_id: node.message_id, parent_id: node.parent_id, role: node.role }
    }
}

pub(crate) async fn select(
    mut transaction: Transaction<'_>,
    user_id: UserId,
    id: ConversationId,
    message_id: MessageId,
    now: Timestamp,
) -> MongoResult<SelectOutcome> {
    let Some(conversation) = find_conversation(&mut transaction, owned(user_id, id)).await? else {
        return Ok(SelectOutcome::NotFound);
    };
    let Some(message) = find_node(&mut transaction, &conversation, message_id).await? else {
        return Ok(SelectOutcome::NotFound);
    };
    if message.active {
        return Ok(SelectOutcome::Visible { changed: false });
    }
    if turn_runs(&conversation, now) {
        return Ok(SelectOutcome::TurnInProgress);
    }
    let mut path = path_to(&mut transaction, &conversation, message.parent_id).await?;
    let newest = newest_from(&mut transaction, &conversation, message).await?;
    path.end = newest.last().map(|last| last.message_id);
    path.joining.extend(newest);
    show(&mut transaction, &conversation, path).await?;
    let changed = doc! { "$set": { "updated_at": date(now) } };
    update(&mut transaction, &conversation, changed).await?;
    Ok(SelectOutcome::Visible { changed: true })
}

pub(crate) async fn continue_answer(
    mut transaction: Transaction<'_>,
    user_id: UserId,
    id: ConversationId,
    continuation: &ContinueAnswer,
    now: Timestamp,
) -> MongoResult<AppendOutcome> {
    let Some(conversation) = find_conversation(&mut transaction, owned(user_id, id)).await? else {
        return Ok(AppendOutcome::NotFound);
    };
    if let Some(client_message_id) = &continuation.client_message_id {
        let earlier = sent_before(&mut transaction, &conversation, client_message_id).await?;
        if !earlier.is_empty() {
            return Ok(AppendOutcome::Duplicate(earlier));
        }
    }
    if turn_runs(&conversation, now) {
        return Ok(AppendOutcome::TurnInProgress);
    }
    let Some(answer) = find_unfinished(&mut transaction, &conversation, continuation).await? else {
        let position = end_position(&mut transaction, &conversation).await?;
        return Ok(AppendOutcome::Conflict { position });
    };
    let answer = assign_to_turn(&mut transaction, answer, continuation).await?;
    let held = doc! {
        "$set": {
            "updated_at": date(now),
            "running_turn": continuation.turn.turn_id.to_string(),
            "lease_until": date(continuation.turn.lease_until),
        },
        "$unset": { "archived": "" },
    };
    update(&mut transaction, &conversation, held).await?;
    drop_summary_from(&mut transaction, &conversation, long(answer.position)).await?;
    match find_conversation(&mut transaction, owned(user_id, id)).await? {
        Some(conversation) => Ok(AppendOutcome::Stored {
            conversation: conversation.into(),
            messages: vec![answer.into()],
        }),
        None => Ok(AppendOutcome::NotFound),
    }
}

/// The position of the message in which the visible path ends; 0 without one.
pub(crate) async fn end_position(
    transaction: &mut Transaction<'_>,
    conversation: &ConversationDocument,
) -> MongoResult<u64> {
    let Some(head) = conversation.head else { return Ok(0) };
    let end = find_node(transaction, conversation, head).await?;
    Ok(end.map_or(0, |end| end.position))
}

/// The message, if a reset has not taken it away.
pub(crate) async fn find_node(
    transaction: &mut Transaction<'_>,
    conversation: &ConversationDocument,
    message_id: MessageId,
) -> MongoResult<Option<Node>> {
    let there = doc! {
        "message_id": message_id.to_string(),
        "conversation_id": conversation.conversation_id.to_string(),
        "position": { "$gt": long(conversation.reset_through) },
    };
    let messages = transaction.database.messages().clone_with_type::<Node>();
    let found = messages.find_one(there).projection(Node::projection());
    found.session(&mut *transaction.session).await
}

/// The path that ends in this message; without one, an empty one. A message after the other is looked
/// up to where the visible path begins: mostly that is the first.
pub(crate) async fn path_to(
    transaction: &mut Transaction<'_>,
    conversation: &ConversationDocument,
    end: Option<MessageId>,
) -> MongoResult<Path> {
    let mut path = Path { end, joining: Vec::new(), parting: 0 };
    let mut next = end;
    while let Some(message_id) = next
        && let Some(node) = find_node(transaction, conversation, message_id).await?
    {
        if node.active {
            path.parting = node.position;
            break;
        }
        next = node.parent_id;
        path.joining.push(node);
    }
    Ok(path)
}

/// Makes the path the visible one.
pub(crate) async fn show(
    transaction: &mut Transaction<'_>,
    conversation: &ConversationDocument,
    path: Path,
) -> MongoResult<()> {
    let left = hide_behind(transaction, conversation, path.parting).await?;
    show_all(transaction, &path.joining).await?;
    let count = path.joining.iter().map(|_| 1_i64).sum::<i64>() - left.count;
    let tokens = path.joining.iter().map(|node| node.token_count).sum::<i64>() - left.tokens;
    let changed = doc! {
        "$set": { "head": path.end.map(|end| end.to_string()) },
        "$inc": { "message_count": count, "total_tokens": tokens },
    };
    update(transaction, conversation, changed).await
}

/// The message, and of what follows it the newest each time.
async fn newest_from(
    transaction: &mut Transaction<'_>,
    conversation: &ConversationDocument,
    message: Node,
) -> MongoResult<Vec<Node>> {
    // All that was said since, in one query: one for each message would take as many round trips.
    let behind = doc! {
        "conversation_id": conversation.conversation_id.to_string(),
        "position": { "$gt": long(message.position) },
    };
    let messages = transaction.database.messages().clone_with_type::<Node>();
    let find = messages.find(behind).sort(doc! { "position": 1 }).projection(Node::projection());
    let mut found = find.session(&mut *transaction.session).await?;
    let mut newest: HashMap<MessageId, Node> = HashMap::new();
    while let Some(node) = found.next(transaction.session).await.transpose()? {
        if let Some(parent_id) = node.parent_id {
            newest.insert(parent_id, node);
        }
    }
    let mut path = vec![message];
    while let Some(next) = path.last().and_then(|last| newest.remove(&last.message_id)) {
        path.push(next);
    }
    Ok(path)
}

/// Takes what stands behind this position off the visible path.
async fn hide_behind(
    transaction: &mut Transaction<'_>,
    conversation: &ConversationDocument,
    position: u64,
) -> MongoResult<Leaving> {
    // What a reset has taken away may lie there still.
    let position = position.max(conversation.reset_through);
    let visible = doc! {
        "conversation_id": conversation.conversation_id.to_string(),
        "active": true,
        "position": { "$gt": long(position) },
    };
    let leaving = count(transaction, visible.clone()).await?;
    if leaving.count > 0 {
        let hidden = doc! { "$set": { "active": false } };
        let messages = transaction.database.messages();
        messages.update_many(visible, hidden).session(&mut *transaction.session).await?;
        drop_summary_from(transaction, conversation, leaving.first).await?;
    }
    Ok(leaving)
}

async fn count(transaction: &mut Transaction<'_>, messages: Document) -> MongoResult<Leaving> {
    let group = doc! { "$group": {
        "_id": null,
        "first": { "$min": "$position" },
        "count": { "$sum": 1_i64 },
        "tokens": { "$sum": "$token_count" },
    } };
    let collection = transaction.database.messages();
    let counting = collection.aggregate([doc! { "$match": messages }, group]);
    let mut counted = counting.session(&mut *transaction.session).await?;
    match counted.next(transaction.session).await.transpose()? {
        Some(counted) => Ok(deserialize_from_document(counted)?),
        None => Ok(Leaving::default()),
    }
}

async fn show_all(transaction: &mut Transaction<'_>, nodes: &[Node]) -> MongoResult<()> {
    if nodes.is_empty() {
        return Ok(());
    }
    let ids: Vec<String> = nodes.iter().map(|node| node.message_id.to_string()).collect();
    let (joining, shown) =
        (doc! { "message_id": { "$in": ids } }, doc! { "$set": { "active": true } });
    let messages = transaction.database.messages();
    messages.update_many(joining, shown).session(&mut *transaction.session).await?;
    Ok(())
}

/// Drops the summary if it covers the message at this position. The context's revision rises in any
/// case, so that nobody puts a summary in place who has read what is no longer so.
async fn drop_summary_from(
    transaction: &mut Transaction<'_>,
    conversation: &ConversationDocument,
    position: i64,
) -> MongoResult<()> {
    let mut covering = owned(conversation.user_id, conversation.conversation_id);
    covering.insert("context.summary.through", doc! { "$gte": position });
    let dropped = doc! { "$set": { "context.summary": null } };
    let conversations = transaction.database.conversations();
    conversations.update_one(covering, dropped).session(&mut *transaction.session).await?;
    update(transaction, conversation, doc! { "$inc": { "context_revision": 1_i64 } }).await
}

/// The answer that is to go on, if the visible path ends in it.
async fn find_unfinished(
    transaction: &mut Transaction<'_>,
    conversation: &ConversationDocument,
    continuation: &ContinueAnswer,
) -> MongoResult<Option<MessageDocument>> {
    if conversation.head != Some(continuation.message_id) {
        return Ok(None);
    }
    let unfinished = doc! {
        "message_id": continuation.message_id.to_string(),
        "role": serialize_to_bson(&Role::Assistant)?,
        "status": { "$ne": serialize_to_bson(&MessageStatus::Complete)? },
    };
    let messages = transaction.database.messages();
    messages.find_one(unfinished).session(&mut *transaction.session).await
}

/// Makes the answer the turn's.
async fn assign_to_turn(
    transaction: &mut Transaction<'_>,
    mut answer: MessageDocument,
    continuation: &ContinueAnswer,
) -> MongoResult<MessageDocument> {
    answer.turn_id = Some(continuation.turn.turn_id);
    answer.status = MessageStatus::Interrupted;
    answer.error = None;
    let mut taken_up = doc! {
        "turn_id": continuation.turn.turn_id.to_string(),
        "status": serialize_to_bson(&answer.status)?,
        "error": Bson::Null,
    };
    if let Some(client_message_id) = &continuation.client_message_id {
        taken_up.insert("client_message_id", client_message_id.as_str());
    }
    let messages = transaction.database.messages();
    messages
        .update_one(doc! { "message_id": answer.message_id.to_string() }, doc! { "$set": taken_up })
        .session(&mut *transaction.session)
        .await?;
    Ok(answer)
}

async fn update(
    transaction: &mut Transaction<'_>,
    conversation: &ConversationDocument,
    change: Document,
) -> MongoResult<()> {
    let conversations = transaction.database.conversations();
    conversations
        .update_one(owned(conversation.user_id, conversation.conversation_id), change)
        .session(&mut *transaction.session)
        .await?;
    Ok(())
}
