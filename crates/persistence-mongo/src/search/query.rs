//! Finds messages by their search terms.

use std::collections::{HashMap, HashSet};

use futures_util::TryStreamExt;
use mongodb::bson::oid::ObjectId;
use mongodb::bson::{Bson, doc};
use mongodb::error::Result as MongoResult;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use webchat_domain::{Context, ConversationId, SearchHit, SearchQuery, UserId};
use webchat_persistence::search::{
    ExampleMatches, MAX_CONVERSATIONS_WITH_EXAMPLES, MAX_MATCHES, MAX_RANKED_BYTES,
    RANKING_SOURCE_BYTES, Ranking, SNIPPET_SOURCE_BYTES, Terms,
};

use super::filter::filter;
use crate::database::{MongoDatabase, READ_TIME, SEARCH_TIME};
use crate::deletion::removals;
use crate::documents::{CONVERSATION_SCHEMA_VERSION, MessageDocument};

/// The size in bytes of the texts that are read because the order of words matters. Reading stops after the batch that
/// exceeds this size; older matches are ignored.
const MAX_CHECKED_BYTES: usize = 32 * 1024 * 1024;

/// The number of messages that one command reads.
const BATCH_SIZE: usize = 500;

#[derive(Deserialize)]
struct Id {
    #[serde(rename = "_id")]
    id: ObjectId,
}

#[derive(Deserialize)]
struct Text {
    #[serde(rename = "_id")]
    id: ObjectId,
    content: String,
}

#[derive(Deserialize)]
struct HitDocument {
    #[serde(rename = "_id")]
    id: ObjectId,
    #[serde(flatten)]
    message: MessageDocument,
}

/// Returns at most `limit` messages, best match first.
pub(crate) async fn search(
    database: &MongoDatabase,
    user_id: UserId,
    query: &SearchQuery,
    limit: u32,
) -> MongoResult<Vec<SearchHit>> {
    let terms = Terms::of(query);
    // A limit in characters, each of which has at least one byte. The additional one tells the snippet that the text is
    // longer.
    let best = find_best(database, user_id, &terms, limit, SNIPPET_SOURCE_BYTES + 1).await?;
    let hit = |(message, score): (MessageDocument, f64)| SearchHit {
        conversation_id: message.conversation_id,
        message_id: message.message_id,
        position: message.position,
        role: message.role,
        created_at: message.created_at,
        score,
        snippet: terms.snippet(&message.content),
    };
    Ok(best.into_iter().map(hit).collect())
}

/// Returns the conversations of the best messages, each with the score of its best message.
pub(crate) async fn search_conversations(
    database: &MongoDatabase,
    user_id: UserId,
    query: &SearchQuery,
    max_messages: u32,
) -> MongoResult<Vec<(ConversationId, f64)>> {
    let terms = Terms::of(query);
    let best = find_best(database, user_id, &terms, max_messages, 0).await?;
    let hits = best.into_iter().map(|(message, score)| (message.conversation_id, score)).collect();
    add_example_matches(database, user_id, &terms, hits).await
}

/// Appends the conversations of which only a few-shot example matches.
async fn add_example_matches(
    database: &MongoDatabase,
    user_id: UserId,
    terms: &Terms,
    hits: Vec<(ConversationId, f64)>,
) -> MongoResult<Vec<(ConversationId, f64)>> {
    let mut matches = ExampleMatches::of(terms);
    let filter = doc! {
        "user_id": user_id.to_string(),
        "schema": CONVERSATION_SCHEMA_VERSION,
        "context.examples.0": { "$exists": true },
    };
    let mut with_examples = database
        .conversations()
        .find(filter)
        .projection(doc! { "context.system_prompt": 0, "context.summary": 0 })
        .sort(doc! { "created_at": -1, "conversation_id": -1 })
        .limit(MAX_CONVERSATIONS_WITH_EXAMPLES.into())
        .max_time(SEARCH_TIME)
        .await?;
    while let Some(conversation) = with_examples.try_next().await? {
        let id = conversation.conversation_id;
        if !matches.add(id, &Context::from(conversation.context).examples) {
            break;
        }
    }
    Ok(matches.append_to(hits))
}

/// Returns the best messages with their scores, best first, and with the first `max_chars` characters of their texts.
async fn find_best(
    database: &MongoDatabase,
    user_id: UserId,
    terms: &Terms,
    limit: u32,
    max_chars: usize,
) -> MongoResult<Vec<(MessageDocument, f64)>> {
    if terms.required().is_empty() {
        return Ok(Vec::new());
    }
    let matches = find_matches(database, user_id, terms).await?;
    let best = rank(database, matches, terms, limit).await?;
    let ids: Vec<ObjectId> = best.iter().map(|(id, _)| *id).collect();
    let found = read(database, &ids, max_chars).await?;
    let mut messages: HashMap<ObjectId, MessageDocument> =
        found.into_iter().map(|HitDocument { id, message }| (id, message)).collect();
    let hits = best.into_iter().filter_map(|(id, score)| Some((messages.remove(&id)?, score)));
    retain_visible(database, user_id, hits.collect()).await
}

/// Returns the messages with the terms, newest first.
async fn find_matches(
    database: &MongoDatabase,
    user_id: UserId,
    terms: &Terms,
) -> MongoResult<Vec<ObjectId>> {
    let removed = removals::pending(database, user_id).await?;
    let pipeline = [
        doc! { "$match": filter(user_id, terms, &removed) },
        doc! { "$project": { "_id": 1 } },
        doc! { "$sort": { "_id": -1 } },
        doc! { "$limit": MAX_MATCHES },
    ];
    let messages = database.messages();
    let matches = messages.aggregate(pipeline).max_time(SEARCH_TIME);
    matches.with_type::<Id>().await?.map_ok(|found| found.id).try_collect().await
}

/// Returns the best matches with their scores. If the order of words matters, drops matches whose words
/// are in a different order.
async fn rank(
    database: &MongoDatabase,
    ids: Vec<ObjectId>,
    terms: &Terms,
    limit: u32,
) -> MongoResult<Vec<(ObjectId, f64)>> {
    let checks_order = terms.has_sequences();
    let (max_chars, max_bytes) = if checks_order {
        (usize::MAX, MAX_CHECKED_BYTES)
    } else {
        (RANKING_SOURCE_BYTES, MAX_RANKED_BYTES)
    };
    let (mut ranking, mut ranked, mut bytes) = (Ranking::of(terms), Vec::new(), 0);
    let mut chunks = ids.chunks(BATCH_SIZE);
    while bytes < max_bytes
        && let Some(chunk) = chunks.next()
    {
        let texts: Vec<Text> = read(database, chunk, max_chars).await?;
        for text in texts {
            bytes += text.content.len();
            if !checks_order || terms.matches(&text.content) {
                ranking.add(&text.content);
                ranked.push(text.id);
            }
        }
    }
    let unranked = if checks_order { Vec::new() } else { chunks.flatten().copied().collect() };
    Ok(ranking.best(ranked.into_iter().chain(unranked), limit))
}

/// Reads messages, newest first, with the first `max_chars` characters of their texts, or the whole text if that is
/// [`usize::MAX`].
async fn read<T: DeserializeOwned + Send + Sync + Unpin>(
    database: &MongoDatabase,
    ids: &[ObjectId],
    max_chars: usize,
) -> MongoResult<Vec<T>> {
    let mut pipeline = vec![
        doc! { "$match": { "_id": { "$in": ids } } },
        doc! { "$sort": { "_id": -1 } },
        doc! { "$unset": "search_terms" },
    ];
    if let Ok(max_chars) = i64::try_from(max_chars) {
        let beginning = doc! { "$substrCP": ["$content", 0_i64, max_chars] };
        pipeline.push(doc! { "$set": { "content": beginning } });
    }
    let messages = database.messages();
    let found = messages.aggregate(pipeline).max_time(SEARCH_TIME).with_type::<T>();
    found.await?.try_collect().await
}

/// Drops the hits of conversations that don't exist: when a conversation is migrated or imported, its messages are
/// written first.
async fn retain_visible(
    database: &MongoDatabase,
    user_id: UserId,
    mut hits: Vec<(MessageDocument, f64)>,
) -> MongoResult<Vec<(MessageDocument, f64)>> {
    let id = |message: &MessageDocument| message.conversation_id.to_string();
    let ids: HashSet<String> = hits.iter().map(|(message, _)| id(message)).collect();
    if ids.is_empty() {
        return Ok(hits);
    }
    let filter = doc! {
        "conversation_id": { "$in": ids.into_iter().collect::<Vec<_>>() },
        "user_id": user_id.to_string(),
        "schema": CONVERSATION_SCHEMA_VERSION,
    };
    let existing =
        database.conversations().distinct("conversation_id", filter).max_time(READ_TIME).await?;
    let existing: HashSet<&str> = existing.iter().filter_map(Bson::as_str).collect();
    hits.retain(|(message, _)| existing.contains(id(message).as_str()));
    Ok(hits)
}
