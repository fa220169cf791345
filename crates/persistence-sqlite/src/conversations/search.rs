//! Full-text search.

use rusqlite::{Row, Transaction, params};
use unicode_normalization::char::is_combining_mark;
use webchat_domain::{ConversationId, FewShotExample, SearchHit, SearchQuery, UserId};
use webchat_persistence::search::{
    ExampleMatches, MAX_CONVERSATIONS_WITH_EXAMPLES, SNIPPET_SOURCE_BYTES, Terms,
};

use crate::rows;

/// The maximum number of matches that are ranked: the newest ones. It bounds the cost of ranking, and is
/// more than anybody reads.
const MAX_RANKED: u32 = 10_000;

/// Ranks the newest matches of a user and keeps the best ones of the visible paths. `bm25` also counts the
/// occurrences of each term in the messages of all users.
const BEST: &str = "
    WITH matches AS MATERIALIZED (
        SELECT rowid AS id, -bm25(messages_fts, 1.0, 0.0) AS score FROM messages_fts
        WHERE messages_fts MATCH ?1 ORDER BY rowid DESC LIMIT ?3
    ),
    best AS MATERIALIZED (
        SELECT id, score FROM matches JOIN live_messages USING (id) WHERE active = 1
        ORDER BY score DESC, id DESC LIMIT ?2
    )";

/// Translates the query into an FTS5 expression. Every term is quoted, so that none is read as an operator.
fn expression(user_id: UserId, query: &SearchQuery) -> String {
    let mut required: Vec<String> = query.phrases.iter().map(|term| quoted(term)).collect();
    if !query.words.is_empty() {
        required.push(any_of(&query.words));
    }
    let mut expression =
        format!("user_id : \"{}\" AND content : ({})", user_id.to_simple(), required.join(" AND "));
    if !query.excluded.is_empty() {
        expression = format!("({expression}) NOT content : {}", any_of(&query.excluded));
    }
    expression
}

/// Returns the best messages with their snippets.
pub(super) fn search(
    transaction: &Transaction<'_>,
    user_id: UserId,
    query: &SearchQuery,
    limit: u32,
) -> rusqlite::Result<Vec<SearchHit>> {
    let terms = Terms::of(query, is_in_word);
    // A character is at least a byte; one more shows the snippet that the text is longer.
    let source = SNIPPET_SOURCE_BYTES + 1;
    transaction
        .prepare_cached(&format!(
            "{BEST} SELECT conversation_id, message_id, position, role, created_at, score,
                 substr(content, 1, ?4) AS source
             FROM best JOIN messages USING (id) ORDER BY score DESC, id DESC"
        ))?
        .query_map(params![expression(user_id, query), limit, MAX_RANKED, source], |row| {
            hit(row, &terms)
        })?
        .collect()
}

/// Returns the conversations of the best messages, each with the score of its best message.
pub(super) fn search_conversations(
    transaction: &Transaction<'_>,
    user_id: UserId,
    query: &SearchQuery,
    max_messages: u32,
) -> rusqlite::Result<Vec<(ConversationId, f64)>> {
    let hits: Vec<_> = transaction
        .prepare_cached(&format!(
            "{BEST} SELECT conversation_id, score FROM best JOIN messages USING (id)
             ORDER BY score DESC, id DESC"
        ))?
        .query_map(params![expression(user_id, query), max_messages, MAX_RANKED], |row| {
            Ok((rows::parsed(row, "conversation_id")?, row.get("score")?))
        })?
        .collect::<rusqlite::Result<_>>()?;
    add_example_matches(transaction, user_id, query, hits)
}

/// Appends the conversations of which only a few-shot example matches.
fn add_example_matches(
    transaction: &Transaction<'_>,
    user_id: UserId,
    query: &SearchQuery,
    hits: Vec<(ConversationId, f64)>,
) -> rusqlite::Result<Vec<(ConversationId, f64)>> {
    let terms = Terms::of(query, is_in_word);
    let mut matches = ExampleMatches::of(&terms);
    let mut contexts = transaction.prepare_cached(
        "SELECT conversation_id, json_extract(context, '$.examples') AS examples
         FROM (SELECT conversation_id, created_at FROM conversations WHERE user_id = ?1
               ORDER BY created_at DESC, conversation_id DESC LIMIT ?2)
         JOIN contexts USING (conversation_id)
         WHERE json_array_length(context, '$.examples') > 0
         ORDER BY created_at DESC, conversation_id DESC",
    )?;
    let mut found =
        contexts.query(params![user_id.to_simple(), MAX_CONVERSATIONS_WITH_EXAMPLES])?;
    while let Some(row) = found.next()? {
        let examples: Vec<FewShotExample> =
            serde_json::from_str(row.get_ref("examples")?.as_str()?).map_err(rows::invalid)?;
        if !matches.add(rows::parsed(row, "conversation_id")?, &examples) {
            break;
        }
    }
    Ok(matches.append_to(hits))
}

/// Whether the index, with its tokenizer `unicode61`, treats the character as part of a word.
fn is_in_word(c: char) -> bool {
    c.is_alphanumeric() || is_combining_mark(c)
}

fn any_of(terms: &[String]) -> String {
    let quoted: Vec<String> = terms.iter().map(|term| quoted(term)).collect();
    format!("({})", quoted.join(" OR "))
}

/// Replaces NUL, which would end the expression in the middle of the term.
fn quoted(term: &str) -> String {
    format!("\"{}\"", term.replace('"', "\"\"").replace('\0', " "))
}

fn hit(row: &Row<'_>, terms: &Terms) -> rusqlite::Result<SearchHit> {
    Ok(SearchHit {
        conversation_id: rows::parsed(row, "conversation_id")?,
        message_id: rows::parsed(row, "message_id")?,
        position: row.get("position")?,
        role: rows::enum_value(row, "role")?,
        created_at: rows::timestamp(row, "created_at")?,
        score: row.get("score")?,
        snippet: terms.snippet(row.get_ref("source")?.as_str()?),
    })
}
