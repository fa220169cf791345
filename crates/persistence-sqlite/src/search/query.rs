//! Full-text search in messages.

use rusqlite::{MAIN_DB, Transaction, params};
use webchat_domain::{ConversationId, FewShotExample, SearchHit, SearchQuery, UserId};
use webchat_persistence::search::{
    ExampleMatches, MAX_CONVERSATIONS_WITH_EXAMPLES, MAX_MATCHES, MAX_RANKED_BYTES,
    RANKING_SOURCE_BYTES, Ranking, SNIPPET_SOURCE_BYTES, Terms,
};

use super::expression::expression;
use crate::rows::{self, Columns};

/// Finds a user's newest matches on the visible paths. `CROSS` and `+` let SQLite read the matches first, and not all
/// messages of the user.
const MATCHES: &str = "
    WITH matches AS MATERIALIZED (
        SELECT rowid AS id FROM message_terms WHERE message_terms MATCH ?1 ORDER BY rowid DESC LIMIT ?2
    )
    SELECT id FROM matches CROSS JOIN live_messages USING (id)
    WHERE active = 1 AND +user_id = ?3 ORDER BY id DESC";

/// Returns the best messages with their snippets.
pub(crate) fn search(
    transaction: &Transaction<'_>,
    user_id: UserId,
    query: &SearchQuery,
    limit: u32,
) -> rusqlite::Result<Vec<SearchHit>> {
    let terms = Terms::of(query);
    // A character has at least one byte. The additional one lets the snippet know that the text is longer.
    let source = SNIPPET_SOURCE_BYTES + 1;
    let mut message = transaction.prepare_cached(
        "SELECT conversation_id, message_id, position, role, created_at, substr(content, 1, ?2) AS source
         FROM messages WHERE id = ?1",
    )?;
    let best = best_matches(transaction, user_id, &terms, limit)?;
    let hit_of = |(id, score): &(i64, f64)| {
        message.query_row(params![id, source], rows::read(|columns| hit(columns, *score, &terms)))
    };
    best.iter().map(hit_of).collect()
}

/// Returns the conversations of the best messages, each with the score of its best message.
pub(crate) fn search_conversations(
    transaction: &Transaction<'_>,
    user_id: UserId,
    query: &SearchQuery,
    max_messages: u32,
) -> rusqlite::Result<Vec<(ConversationId, f64)>> {
    let terms = Terms::of(query);
    let mut message =
        transaction.prepare_cached("SELECT conversation_id FROM messages WHERE id = ?1")?;
    let best = best_matches(transaction, user_id, &terms, max_messages)?;
    let conversation_of = |(id, score): &(i64, f64)| {
        message.query_row([id], rows::read(|columns| Ok((columns.parsed()?, *score))))
    };
    let hits = best.iter().map(conversation_of).collect::<rusqlite::Result<_>>()?;
    add_example_matches(transaction, user_id, &terms, hits)
}

/// Appends the conversations of which only a few-shot example matches.
fn add_example_matches(
    transaction: &Transaction<'_>,
    user_id: UserId,
    terms: &Terms,
    hits: Vec<(ConversationId, f64)>,
) -> rusqlite::Result<Vec<(ConversationId, f64)>> {
    let mut matches = ExampleMatches::of(terms);
    let mut contexts = transaction.prepare_cached(
        "SELECT conversation_id, json_extract(context, '$.examples') AS examples
         FROM (SELECT conversation_id, created_at FROM conversations WHERE user_id = ?1
               ORDER BY created_at DESC, conversation_id DESC LIMIT ?2)
         CROSS JOIN contexts USING (conversation_id)
         WHERE json_array_length(context, '$.examples') > 0
         ORDER BY created_at DESC, conversation_id DESC",
    )?;
    let mut rows_with_examples =
        contexts.query(params![user_id.to_simple(), MAX_CONVERSATIONS_WITH_EXAMPLES])?;
    while let Some(row) = rows_with_examples.next()? {
        let mut columns = Columns::of(row);
        let id = columns.parsed()?;
        let examples: Vec<FewShotExample> =
            serde_json::from_str(columns.text()?).map_err(rows::invalid)?;
        if !matches.add(id, &examples) {
            break;
        }
    }
    Ok(matches.append_to(hits))
}

/// Returns the best matches, best first. Matches with equal scores are in order from newest to oldest.
fn best_matches(
    transaction: &Transaction<'_>,
    user_id: UserId,
    terms: &Terms,
    limit: u32,
) -> rusqlite::Result<Vec<(i64, f64)>> {
    let user_id = user_id.to_simple();
    let Some(expression) = expression(transaction, &user_id, terms)? else { return Ok(Vec::new()) };
    let ids: Vec<i64> = transaction
        .prepare_cached(MATCHES)?
        .query_map(params![expression, MAX_MATCHES, user_id], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    Ok(rank(transaction, &ids, terms)?.best(ids, limit))
}

/// Ranks these messages, up to [`MAX_RANKED_BYTES`].
fn rank<'a>(
    transaction: &Transaction<'_>,
    ids: &[i64],
    terms: &'a Terms,
) -> rusqlite::Result<Ranking<'a>> {
    let (mut ranking, mut bytes) = (Ranking::of(terms), 0);
    let Some(first) = ids.first() else { return Ok(ranking) };
    // Unlike a column of a row, a blob can be read in part.
    let mut content = transaction.blob_open(MAIN_DB, "messages", "content", *first, true)?;
    let mut buffer = vec![0; RANKING_SOURCE_BYTES];
    for id in ids {
        content.reopen(*id)?;
        let read = content.read_at(&mut buffer, 0)?;
        let beginning = buffer.get(..read).unwrap_or_default();
        ranking.add(valid_text(beginning));
        bytes += read;
        if bytes >= MAX_RANKED_BYTES {
            break;
        }
    }
    Ok(ranking)
}

/// Returns the text in these bytes, without an incomplete last character.
fn valid_text(bytes: &[u8]) -> &str {
    bytes.utf8_chunks().next().map_or("", |chunk| chunk.valid())
}

fn hit(columns: &mut Columns<'_>, score: f64, terms: &Terms) -> rusqlite::Result<SearchHit> {
    Ok(SearchHit {
        conversation_id: columns.parsed()?,
        message_id: columns.parsed()?,
        position: columns.value()?,
        role: columns.enum_value()?,
        created_at: columns.timestamp()?,
        score,
        snippet: terms.snippet(columns.text()?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SqliteStore;

    #[tokio::test]
    async fn a_search_reads_the_matches_and_no_other_messages_of_the_user() {
        let dir = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&dir.path().join("webchat.db")).await.unwrap();

        let explain = |transaction: &Transaction<'_>| {
            transaction
                .prepare(&format!("EXPLAIN QUERY PLAN {MATCHES}"))?
                .query_map(params!["tides", 10_000, "user"], |row| row.get("detail"))?
                .collect()
        };
        let plan: Vec<String> = store.database.read(explain).await.unwrap();

        assert!(
            plan.iter().any(|step| step.starts_with("SEARCH messages USING INTEGER PRIMARY KEY")),
            "{plan:?}"
        );
    }
}
