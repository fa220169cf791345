use std::collections::HashSet;
use std::future::ready;

use futures_util::{StreamExt, TryStreamExt};
use mongodb::bson::{Bson, Document, doc};
use mongodb::error::Result as MongoResult;
use serde::Deserialize;
use webchat_domain::{SearchHit, SearchQuery, UserId};

use crate::documents::{CONVERSATION_SCHEMA, MessageDocument, RemovalDocument};
use crate::terms::{Terms, is_in_word};
use crate::{MongoDatabase, removals};

#[derive(Deserialize)]
struct HitDocument {
    #[serde(flatten)]
    message: MessageDocument,
    score: f64,
}

pub(crate) async fn search(
    database: &MongoDatabase,
    user_id: UserId,
    query: &SearchQuery,
    limit: u32,
) -> MongoResult<Vec<SearchHit>> {
    let terms = Terms::of(query);
    let invisible = removals::pending(database, user_id).await?;
    let mut pipeline = pipeline(user_id, query, &invisible);
    if !terms.are_more_than_the_servers() && limit > 0 {
        // Sorting is cheaper when only the first are wanted.
        pipeline.push(doc! { "$limit": i64::from(limit) });
    }
    let messages = database.messages();
    let found = messages.aggregate(pipeline).allow_disk_use(true);
    let hits = found
        .with_type::<HitDocument>()
        .await?
        .try_filter(|hit| ready(terms.are_in(&hit.message.content)))
        .map_ok(|hit| hit.into_hit(&terms))
        .take(usize::try_from(limit).unwrap_or(usize::MAX));
    of_present_conversations(database, user_id, hits.try_collect().await?).await
}

/// A conversation that is being carried over from another application has messages before it is there
/// itself.
async fn of_present_conversations(
    database: &MongoDatabase,
    user_id: UserId,
    mut hits: Vec<SearchHit>,
) -> MongoResult<Vec<SearchHit>> {
    let ids: HashSet<String> = hits.iter().map(|hit| hit.conversation_id.to_string()).collect();
    if ids.is_empty() {
        return Ok(hits);
    }
    let present = doc! {
        "conversation_id": { "$in": ids.into_iter().collect::<Vec<_>>() },
        "user_id": user_id.to_string(),
        "schema": CONVERSATION_SCHEMA,
    };
    let present = database.conversations().distinct("conversation_id", present).await?;
    let present: HashSet<&str> = present.iter().filter_map(Bson::as_str).collect();
    hits.retain(|hit| present.contains(hit.conversation_id.to_string().as_str()));
    Ok(hits)
}

impl HitDocument {
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

/// Finds the messages on the visible paths of `user_id`'s conversations, best first.
fn pipeline(user_id: UserId, query: &SearchQuery, invisible: &[RemovalDocument]) -> Vec<Document> {
    let mut filter = doc! {
        "user_id": user_id.to_string(),
        "active": true,
        "$text": { "$search": expression(query) },
    };
    if !invisible.is_empty() {
        let invisible: Vec<Document> = invisible.iter().map(RemovalDocument::messages).collect();
        filter.insert("$nor", invisible);
    }
    let score = doc! { "$meta": "textScore" };
    vec![
        doc! { "$match": filter },
        doc! { "$sort": { "score": score.clone(), "message_id": -1 } },
        doc! { "$addFields": { "score": score } },
    ]
}

/// The query in the language of `$text`: words, "phrases", -exclusions. No term is read as an
/// operator: none keeps a quote, and no word a hyphen.
fn expression(query: &SearchQuery) -> String {
    let words = query.words.iter().map(|word| word.replace(['"', '-'], " "));
    let phrases = query.phrases.iter().map(|phrase| quoted(phrase));
    let excluded = query.excluded.iter().map(|term| format!("-{}", single_or_quoted(term)));
    words.chain(phrases).chain(excluded).collect::<Vec<_>>().join(" ")
}

fn quoted(phrase: &str) -> String {
    format!("\"{}\"", phrase.replace('"', " "))
}

/// A word excludes its other forms too, a phrase only what is written like it.
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
    fn no_term_is_read_as_an_operator() {
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
