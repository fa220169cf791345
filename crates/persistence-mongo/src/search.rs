use futures_util::TryStreamExt;
use mongodb::bson::{Document, doc};
use mongodb::error::Result as MongoResult;
use serde::Deserialize;
use webchat_domain::{SearchHit, SearchQuery, UserId};

use crate::MongoDatabase;
use crate::definitions::CONVERSATIONS;
use crate::documents::{CONVERSATION_SCHEMA, MessageDocument};
use crate::terms::{Terms, is_in_word};

#[derive(Deserialize)]
struct HitDocument {
    #[serde(flatten)]
    message: MessageDocument,
    score: f64,
}

pub(crate) async fn search(
    database: &MongoDatabase,
    owner: UserId,
    query: &SearchQuery,
    limit: u32,
) -> MongoResult<Vec<SearchHit>> {
    let terms = Terms::of(query);
    let mut hits = Vec::new();
    let messages = database.messages();
    let mut found = messages
        .aggregate(pipeline(owner, query))
        .allow_disk_use(true)
        .batch_size(limit.max(1))
        .with_type::<HitDocument>()
        .await?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    while hits.len() < limit
        && let Some(HitDocument { message, score }) = found.try_next().await?
    {
        // To the server, one of the words or of the phrases' words is enough.
        if terms.has_word_of(&message.content) {
            hits.push(hit(&message, score, &terms));
        }
    }
    Ok(hits)
}

fn hit(message: &MessageDocument, score: f64, terms: &Terms) -> SearchHit {
    SearchHit {
        conversation_id: message.conversation_id,
        message_id: message.message_id,
        position: message.position,
        role: message.role,
        created_at: message.created_at,
        score,
        snippet: terms.snippet(&message.content),
    }
}

/// Finds the messages on the visible paths of `owner`'s conversations, best first.
pub(crate) fn pipeline(owner: UserId, query: &SearchQuery) -> Vec<Document> {
    let score = doc! { "$meta": "textScore" };
    vec![
        doc! { "$match": {
            "user_id": owner.to_string(),
            "active": true,
            "$text": { "$search": expression(query) },
        } },
        doc! { "$addFields": { "score": score } },
        doc! { "$sort": { "score": -1, "message_id": -1 } },
        // What was deleted or reset may not be removed yet.
        doc! { "$lookup": {
            "from": CONVERSATIONS,
            "localField": "conversation_id",
            "foreignField": "conversation_id",
            "pipeline": [
                { "$match": { "user_id": owner.to_string(), "schema": CONVERSATION_SCHEMA } },
                { "$project": { "emptied_through": 1 } },
            ],
            "as": "conversation",
        } },
        doc! { "$unwind": "$conversation" },
        doc! { "$match": { "$expr": { "$gt": ["$position", "$conversation.emptied_through"] } } },
        doc! { "$unset": "conversation" },
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
