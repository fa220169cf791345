//! Which of a conversation's messages are visible, where several follow the same one.

use futures_util::TryStreamExt;
use mongodb::bson::{Document, deserialize_from_document, doc, serialize_to_bson};
use mongodb::error::Result as MongoResult;
use serde::Deserialize;
use serde_with::{DisplayFromStr, TryFromInto, serde_as};
use webchat_domain::{
    ClientMessageId, ConversationId, Message, MessageId, Role, Timestamp, UserId,
};
use webchat_persistence::rules::{self, HiddenMessages, NewPath, PathChange, PathNode};
use webchat_persistence::{AppendOutcome, ChildMessage, ContinueAnswer, SelectOutcome};

use crate::database::Transaction;
use crate::documents::{ConversationDocument, MessageDocument, date, long};
use crate::preconditions::append_state;
use crate::queries::{find_conversation, owned};

/// The fields of a message that paths need.
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
    #[serde_as(as = "TryFromInto<i64>")]
    token_count: u32,
    active: bool,
}

/// The messages that leave the visible path.
#[derive(Deserialize)]
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

impl From<Node> for PathNode {
    fn from(node: Node) -> Self {
        Self {
            message_id: node.message_id,
            parent_id: node.parent_id,
            position: node.position,
            token_count: node.token_count,
            is_active: node.active,
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
    let node = find_node(&mut transaction, &conversation, message_id).await?;
    let is_active = node.as_ref().map(|node| node.active);
    if let Err(unchanged) = rules::check_select(is_active, conversation.running_turn(now)) {
        return Ok(unchanged);
    }
    let Some(node) = node else { return Ok(SelectOutcome::NotFound) };
    let mut path = NewPath::to(node.parent_id);
    let later = later_nodes(&mut transaction, &conversation, node.position).await?;
    path.extend(rules::newest_descendants(node.into(), later));
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
    let last = find_head(&mut transaction, &conversation).await?;
    let head_position = last.as_ref().map_or(0, |last| last.position);
    let name = continuation.client_message_id.as_ref();
    let state = append_state(&mut transaction, &conversation, name, head_position, now).await?;
    let last = last.map(Message::from);
    if let Err(rejected) = rules::check_continuation(continuation, last.as_ref(), state) {
        return Ok(rejected);
    }
    let Some(answer) = last else { return Ok(AppendOutcome::NotFound) };
    let answer = rules::continued_answer(answer, continuation);
    update_answer(&mut transaction, &answer, name).await?;
    let held = doc! {
        "$set": {
            "updated_at": date(now),
            "running_turn": continuation.turn.turn_id.to_string(),
            "lease_until": date(continuation.turn.lease_until),
        },
        "$unset": { "archived": "" },
    };
    update(&mut transaction, &conversation, held).await?;
    drop_summary_from(&mut transaction, &conversation, answer.position).await?;
    match find_conversation(&mut transaction, owned(user_id, id)).await? {
        Some(conversation) => {
            Ok(AppendOutcome::Stored { conversation: conversation.into(), messages: vec![answer] })
        }
        None => Ok(AppendOutcome::NotFound),
    }
}

/// The position of the conversation's head; 0 without one.
pub(crate) async fn head_position(
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
        "position": { "$gt": long(conversation.emptied_through) },
    };
    let messages = transaction.database.messages().clone_with_type::<Node>();
    let found = messages.find_one(there).projection(Node::projection());
    found.session(&mut *transaction.session).await
}

/// Makes the path the visible one.
pub(crate) async fn show(
    transaction: &mut Transaction<'_>,
    conversation: &ConversationDocument,
    mut path: NewPath,
) -> MongoResult<()> {
    while let Some(message_id) = path.missing_ancestor()
        && let Some(node) = find_node(transaction, conversation, message_id).await?
    {
        path.add_ancestor(node.into());
    }
    let hidden = hide_after(transaction, conversation, path.branch_position()).await?;
    show_joining(transaction, &path).await?;
    let PathChange { message_count, total_tokens } = path.change(&hidden);
    let changed = doc! {
        "$set": { "head": path.head().map(|head| head.to_string()) },
        "$inc": { "message_count": message_count, "total_tokens": total_tokens },
    };
    update(transaction, conversation, changed).await
}

/// All messages after this position, visible or not, ordered by position.
async fn later_nodes(
    transaction: &mut Transaction<'_>,
    conversation: &ConversationDocument,
    position: u64,
) -> MongoResult<Vec<PathNode>> {
    // In one query: one for each generation would take as many round trips.
    let later = doc! {
        "conversation_id": conversation.conversation_id.to_string(),
        "position": { "$gt": long(position) },
    };
    let messages = transaction.database.messages().clone_with_type::<Node>();
    let find = messages.find(later).sort(doc! { "position": 1 }).projection(Node::projection());
    let mut found = find.session(&mut *transaction.session).await?;
    found.stream(transaction.session).map_ok(PathNode::from).try_collect().await
}

/// Takes the messages after this position off the visible path.
async fn hide_after(
    transaction: &mut Transaction<'_>,
    conversation: &ConversationDocument,
    position: u64,
) -> MongoResult<HiddenMessages> {
    // Messages that a reset has hidden may still be stored.
    let position = position.max(conversation.emptied_through);
    let visible = doc! {
        "conversation_id": conversation.conversation_id.to_string(),
        "active": true,
        "position": { "$gt": long(position) },
    };
    let hidden = count(transaction, visible.clone()).await?;
    if let Some(first_position) = hidden.first_position {
        let hide = doc! { "$set": { "active": false } };
        let messages = transaction.database.messages();
        messages.update_many(visible, hide).session(&mut *transaction.session).await?;
        drop_summary_from(transaction, conversation, first_position).await?;
    }
    Ok(hidden)
}

async fn count(
    transaction: &mut Transaction<'_>,
    messages: Document,
) -> MongoResult<HiddenMessages> {
    let group = doc! { "$group": {
        "_id": null,
        "first": { "$min": "$position" },
        "count": { "$sum": 1_i64 },
        "tokens": { "$sum": "$token_count" },
    } };
    let collection = transaction.database.messages();
    let counting = collection.aggregate([doc! { "$match": messages }, group]);
    let mut counted = counting.session(&mut *transaction.session).await?;
    let Some(counted) = counted.next(transaction.session).await.transpose()? else {
        return Ok(HiddenMessages::default());
    };
    let Leaving { first, count, tokens } = deserialize_from_document(counted)?;
    Ok(HiddenMessages {
        first_position: u64::try_from(first).ok(),
        message_count: count,
        total_tokens: tokens,
    })
}

async fn show_joining(transaction: &mut Transaction<'_>, path: &NewPath) -> MongoResult<()> {
    let ids: Vec<String> = path.joining().map(|id| id.to_string()).collect();
    if ids.is_empty() {
        return Ok(());
    }
    let (joining, shown) =
        (doc! { "message_id": { "$in": ids } }, doc! { "$set": { "active": true } });
    let messages = transaction.database.messages();
    messages.update_many(joining, shown).session(&mut *transaction.session).await?;
    Ok(())
}

/// Drops the summary unless it is kept beside a change of the message at this position. The context's
/// revision rises in any case, so that a summary made from the old path is not stored.
async fn drop_summary_from(
    transaction: &mut Transaction<'_>,
    conversation: &ConversationDocument,
    position: u64,
) -> MongoResult<()> {
    let mut change = doc! { "$inc": { "context_revision": 1_i64 } };
    let through = find_summary_end(transaction, conversation).await?;
    if through.is_some_and(|through| !rules::is_summary_kept(through, position)) {
        change.insert("$set", doc! { "context.summary": null });
    }
    update(transaction, conversation, change).await
}

/// The position through which the conversation's summary covers its messages.
async fn find_summary_end(
    transaction: &mut Transaction<'_>,
    conversation: &ConversationDocument,
) -> MongoResult<Option<u64>> {
    #[derive(Deserialize)]
    struct Projected {
        context: Option<ContextEnd>,
    }
    #[derive(Deserialize)]
    struct ContextEnd {
        summary: Option<SummaryEnd>,
    }
    #[serde_as]
    #[derive(Deserialize)]
    struct SummaryEnd {
        #[serde_as(as = "TryFromInto<i64>")]
        through: u64,
    }
    let conversations = transaction.database.conversations().clone_with_type::<Projected>();
    let found = conversations
        .find_one(owned(conversation.user_id, conversation.conversation_id))
        .projection(doc! { "context.summary.through": 1 })
        .session(&mut *transaction.session)
        .await?;
    let summary = found.and_then(|found| found.context).and_then(|context| context.summary);
    Ok(summary.map(|summary| summary.through))
}

async fn find_head(
    transaction: &mut Transaction<'_>,
    conversation: &ConversationDocument,
) -> MongoResult<Option<MessageDocument>> {
    let Some(head) = conversation.head else { return Ok(None) };
    let messages = transaction.database.messages();
    let head = messages.find_one(doc! { "message_id": head.to_string() });
    head.session(&mut *transaction.session).await
}

async fn update_answer(
    transaction: &mut Transaction<'_>,
    answer: &Message,
    client_message_id: Option<&ClientMessageId>,
) -> MongoResult<()> {
    let mut change = doc! {
        "turn_id": answer.turn_id.map(|turn_id| turn_id.to_string()),
        "status": serialize_to_bson(&answer.status)?,
        "error": serialize_to_bson(&answer.error)?,
    };
    if let Some(client_message_id) = client_message_id {
        change.insert("client_message_id", client_message_id.as_str());
    }
    let messages = transaction.database.messages();
    messages
        .update_one(doc! { "message_id": answer.message_id.to_string() }, doc! { "$set": change })
        .session(&mut *transaction.session)
        .await?;
    Ok(())
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
