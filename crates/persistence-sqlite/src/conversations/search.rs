//! Full-text search.

use rusqlite::{Row, Transaction, params};
use webchat_domain::{SearchHit, SearchQuery, SnippetPart, UserId};
use webchat_persistence::rules;

use crate::rows;

/// The marks that FTS5 sets around each match: control characters that texts hardly contain. If one does,
/// its snippet has too much marked, and nothing worse.
const MATCH_START: char = '\u{2}';
const MATCH_END: char = '\u{3}';

/// Translates the query into an FTS5 expression. Every term is quoted, so that none is read as an operator.
pub(super) fn expression(user_id: UserId, query: &SearchQuery) -> String {
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

pub(super) fn search(
    transaction: &Transaction<'_>,
    expression: &str,
    limit: u32,
) -> rusqlite::Result<Vec<SearchHit>> {
    transaction
        .prepare_cached(
            "SELECT conversation_id, message_id, position, role, created_at,
                 -bm25(messages_fts, 1.0, 0.0) AS score,
                 snippet(messages_fts, 0, ?3, ?4, '…', ?5) AS snippet
             FROM messages_fts JOIN live_messages AS messages ON messages.id = messages_fts.rowid
             WHERE messages_fts MATCH ?1 AND active = 1
             ORDER BY score DESC, messages.id DESC LIMIT ?2",
        )?
        .query_map(
            params![
                expression,
                limit,
                MATCH_START.to_string(),
                MATCH_END.to_string(),
                rules::SNIPPET_WORDS
            ],
            hit,
        )?
        .collect()
}

fn any_of(terms: &[String]) -> String {
    let quoted: Vec<String> = terms.iter().map(|term| quoted(term)).collect();
    format!("({})", quoted.join(" OR "))
}

/// Replaces NUL, which would end the expression in the middle of the term.
fn quoted(term: &str) -> String {
    format!("\"{}\"", term.replace('"', "\"\"").replace('\0', " "))
}

fn hit(row: &Row<'_>) -> rusqlite::Result<SearchHit> {
    Ok(SearchHit {
        conversation_id: rows::parsed(row, "conversation_id")?,
        message_id: rows::parsed(row, "message_id")?,
        position: row.get("position")?,
        role: rows::named(row, "role")?,
        created_at: rows::timestamp(row, "created_at")?,
        score: row.get("score")?,
        snippet: snippet_parts(row.get_ref("snippet")?.as_str()?),
    })
}

fn snippet_parts(marked: &str) -> Vec<SnippetPart> {
    let part = |text: &str, matched| SnippetPart { text: text.to_owned(), matched };
    let mut parts = Vec::new();
    for section in marked.split_inclusive([MATCH_START, MATCH_END]) {
        let matched = section.ends_with(MATCH_END);
        let text = section.trim_end_matches([MATCH_START, MATCH_END]);
        if !text.is_empty() {
            parts.push(part(text, matched));
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snippet_is_split_at_its_marks() {
        let parts = snippet_parts("the \u{2}moon\u{3} and the \u{2}tides\u{3}…");

        let texts: Vec<_> = parts.iter().map(|part| (part.text.as_str(), part.matched)).collect();
        assert_eq!(
            texts,
            [("the ", false), ("moon", true), (" and the ", false), ("tides", true), ("…", false)]
        );
    }
}
