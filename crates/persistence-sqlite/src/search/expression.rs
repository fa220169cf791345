//! Converts a search to an FTS5 expression.

use std::collections::BTreeSet;

use rusqlite::{Transaction, params};
use webchat_persistence::search::{Alternative, Terms, stem};

use super::index::{indexed, without_user};

/// The minimum length in bytes of a prefix that may be longer than the stem of a word.
const MIN_STEMMED_BYTES: usize = 3;

/// The maximum number of words with the same prefix whose stems are searched too.
const MAX_WORDS: u32 = 1_000;

/// Returns the expression, or `None` if no message can match. Every term is quoted, so that none is parsed as an operator.
pub(super) fn expression(
    transaction: &Transaction<'_>,
    user_id: &str,
    terms: &Terms,
) -> rusqlite::Result<Option<String>> {
    let any_of = |alternatives: &[Alternative]| {
        let mut any = Vec::new();
        for alternative in alternatives {
            any.extend(conditions(transaction, user_id, alternative)?);
        }
        Ok(format!("({})", any.join(" OR ")))
    };
    let required = terms.required().iter().map(|one| any_of(one));
    let required = required.collect::<rusqlite::Result<Vec<String>>>()?.join(" AND ");
    if required.is_empty() {
        return Ok(None);
    }
    if terms.excluded().is_empty() {
        return Ok(Some(required));
    }
    Ok(Some(format!("({required}) NOT {}", any_of(terms.excluded())?)))
}

/// Returns conditions, of which a message must meet at least one.
fn conditions(
    transaction: &Transaction<'_>,
    user_id: &str,
    Alternative { terms, is_prefix }: &Alternative,
) -> rusqlite::Result<Vec<String>> {
    let terms: Vec<String> = terms.iter().map(|term| indexed(user_id, term)).collect();
    let mut conditions = vec![condition(&terms, *is_prefix)];
    if *is_prefix
        && let [before @ .., last] = terms.as_slice()
        && !before.is_empty()
    {
        for stem in shorter_stems(transaction, user_id, last)? {
            let terms: Vec<String> =
                before.iter().cloned().chain([indexed(user_id, &stem)]).collect();
            conditions.push(condition(&terms, false));
        }
    }
    Ok(conditions)
}

fn condition(terms: &[String], is_prefix: bool) -> String {
    // The forms of words are indexed without their order.
    let columns = if terms.len() == 1 { "{terms forms}" } else { "terms" };
    format!("{columns} : \"{}\"{}", terms.join(" "), if is_prefix { " *" } else { "" })
}

/// Returns the stems of the user's words that begin with `prefix` although their stems don't: `render` for `renderi`,
/// which is a prefix of `rendering`. A sequence can contain only stems, because only they have positions in the index.
fn shorter_stems(
    transaction: &Transaction<'_>,
    user_id: &str,
    prefix: &str,
) -> rusqlite::Result<BTreeSet<String>> {
    let letters = without_user(user_id, prefix);
    if letters.len() < MIN_STEMMED_BYTES || !letters.bytes().all(|byte| byte.is_ascii_lowercase()) {
        return Ok(BTreeSet::new());
    }
    let mut words = transaction.prepare_cached(
        "SELECT term FROM message_vocabulary WHERE term >= ?1 AND term < ?1 || '{' LIMIT ?2",
    )?;
    let mut stems = BTreeSet::new();
    let mut rows = words.query(params![prefix, MAX_WORDS])?;
    while let Some(row) = rows.next()? {
        let stem = stem(without_user(user_id, row.get_ref(0)?.as_str()?));
        if !stem.starts_with(letters) {
            stems.insert(stem);
        }
    }
    Ok(stems)
}
