//! Runs searches with MongoDB's text index.

use std::collections::HashSet;
use std::future::ready;

use futures_util::{StreamExt, TryStreamExt};
use mongodb::bson::{Bson, Document, doc};
use mongodb::error::Result as MongoResult;
use serde::Deserialize;
use unicode_normalization::char::is_combining_mark;
use webchat_domain::{Context, ConversationId, SearchHit, SearchQuery, UserId};
use webchat_persistence::search::{
    ExampleMatches, MAX_CONVERSATIONS_WITH_EXAMPLES, SNIPPET_SOURCE_BYTES, Terms,
};

use crate::database::{MongoDatabase, READ_TIME, SEARCH_TIME};
use crate::deletion::removals;
use crate::documents::{CONVERSATION_SCHEMA_VERSION, MessageDocument, RemovalDocument};

#[derive(Deserialize)]
struct HitDocument {
    #[serde(flatten)]
    message: MessageDocument,
    score: f64,
}

/// Returns at most `limit` messages, best match first.
pub(crate) async fn search(
    database: &MongoDatabase,
    user_id: UserId,
    query: &SearchQuery,
    limit: u32,
) -> MongoResult<Vec<SearchHit>> {
    let terms = Terms::of(query, is_in_word);
    // The additional byte lets the snippet know that the text is longer.
    let best = find_best(database, user_id, query, &terms, limit, SNIPPET_SOURCE_BYTES + 1).await?;
    Ok(best.into_iter().map(|hit| hit.into_hit(&terms)).collect())
}

/// Returns the conversations of the best messages, each with the score of its best message.
pub(crate) async fn search_conversations(
    database: &MongoDatabase,
    user_id: UserId,
    query: &SearchQuery,
    max_messages: u32,
) -> MongoResult<Vec<(ConversationId, f64)>> {
    let terms = Terms::of(query, is_in_word);
    let best = find_best(database, user_id, query, &terms, max_messages, 0).await?;
    let hits = best.into_iter().map(|hit| (hit.message.conversation_id, hit.score)).collect();
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

/// Finds the best matches, with at most the first `max_bytes` bytes of their texts.
async fn find_best(
    database: &MongoDatabase,
    user_id: UserId,
    query: &SearchQuery,
    terms: &Terms,
    limit: u32,
    max_bytes: usize,
) -> MongoResult<Vec<HitDocument>> {
    let removed = removals::pending(database, user_id).await?;
    let mut pipeline = pipeline(user_id, query, &removed);
    // If the query contains a phrase, the server does not require any of its words.
    let needs_filter = terms.has_words_and_phrases();
    if !needs_filter && limit > 0 {
        // With a limit, the server sorts faster.
        pipeline.push(doc! { "$limit": i64::from(limit) });
        pipeline.push(beginning_of_content(max_bytes));
    }
    let messages = database.messages();
    let aggregate = messages.aggregate(pipeline).allow_disk_use(true).max_time(SEARCH_TIME);
    let hits = aggregate
        .with_type::<HitDocument>()
        .await?
        .try_filter(|hit| ready(!needs_filter || terms.has_word_in(&hit.message.content)))
        .map_ok(|hit| hit.shortened(max_bytes))
        .take(usize::try_from(limit).unwrap_or(usize::MAX));
    retain_visible(database, user_id, hits.try_collect().await?).await
}

fn beginning_of_content(max_chars: usize) -> Document {
    let max_chars = i64::try_from(max_chars).unwrap_or(i64::MAX);
    doc! { "$set": { "content": { "$substrCP": ["$content", 0_i64, max_chars] } } }
}

/// Whether the text index treats the character as part of a word.
fn is_in_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '\'') || is_combining_mark(c)
}

/// Drops the hits of conversations that don't exist: when a conversation is migrated or imported, its messages are written
/// first.
async fn retain_visible(
    database: &MongoDatabase,
    user_id: UserId,
    mut hits: Vec<HitDocument>,
) -> MongoResult<Vec<HitDocument>> {
    let id = |hit: &HitDocument| hit.message.conversation_id.to_string();
    let ids: HashSet<String> = hits.iter().map(id).collect();
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
    hits.retain(|hit| existing.contains(id(hit).as_str()));
    Ok(hits)
}

impl HitDocument {
    /// Keeps at most the first `max_bytes` bytes of the text.
    fn shortened(mut self, max_bytes: usize) -> Self {
        let content = &mut self.message.content;
        content.truncate(content.floor_char_boundary(max_bytes));
        self
    }

    fn into_hit(self, terms: &Terms) -> SearchHit {
        let message = self.message;
        SearchHit {
            conversation_id: message.conversation_id,
            message_id: message.message_id,
            position: message.position,
            role: message.role,
            created_at: message.created_at,
            score: self.score,
            snippet: terms.snippet(&message.content),
        }
    }
}

/// Returns the pipeline that finds messages on the visible paths of the user's conversations, best first.
fn pipeline(user_id: UserId, query: &SearchQuery, removed: &[RemovalDocument]) -> Vec<Document> {
    let mut filter = doc! {
        "user_id": user_id.to_string(),
        "active": true,
        "$text": { "$search": expression(query) },
    };
    if !removed.is_empty() {
        let removed: Vec<Document> = removed.iter().map(RemovalDocument::messages).collect();
        filter.insert("$nor", removed);
    }
    let score = doc! { "$meta": "textScore" };
    vec![
        doc! { "$match": filter },
        doc! { "$sort": { "score": score.clone(), "message_id": -1 } },
        doc! { "$addFields": { "score": score } },
    ]
}

/// Converts the query to the syntax of `$text`: words, "phrases", -exclusions. Removes quotes from all terms, and hyphens
/// from words, so that no term is parsed as an operator.
fn expression(query: &SearchQuery) -> String {
    let words = query.words.iter().map(|word| word.replace(['"', '-'], " "));
    let phrases = query.phrases.iter().map(|phrase| quoted(phrase));
    let excluded = query.excluded.iter().map(|term| format!("-{}", single_or_quoted(term)));
    words.chain(phrases).chain(excluded).collect::<Vec<_>>().join(" ")
}

fn quoted(phrase: &str) -> String {
    format!("\"{}\"", phrase.replace('"', " "))
}

/// Quotes a term of several words. An excluded word also excludes its other forms, an excluded phrase only its exact
/// wording.
fn single_or_quoted(term: &str) -> String {
    let mut words = term.split(|c| !is_in_word(c)).filter(|word| !word.is_empty());
    match (words.next(), words.next()) {
        (Some(word), None) => word.to_owned(),
        _ => quoted(term),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_term_is_parsed_as_an_operator() {
        let query = SearchQuery {
            words: vec!["-tide".to_owned(), "mo\"on".to_owned(), "coast-guard".to_owned()],
            phrases: vec!["a \"b\" -c".to_owned()],
            excluded: vec!["storm!".to_owned(), "high-water".to_owned(), "-\"".to_owned()],
        };

        assert_eq!(
            expression(&query),
            r#" tide mo on coast guard "a  b  -c" -storm -"high-water" -"- ""#
        );
    }
}
