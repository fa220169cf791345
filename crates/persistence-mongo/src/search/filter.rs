//! Converts a search to a filter of messages.

use mongodb::bson::{Bson, Document, Regex, cstr, doc};
use webchat_domain::UserId;
use webchat_persistence::search::{Alternative, Terms};

use crate::documents::PendingDeletionDocument;

/// Returns the filter for messages on the visible paths of the user's conversations. It ignores the order of words.
pub(super) fn filter(
    user_id: UserId,
    terms: &Terms,
    removed: &[PendingDeletionDocument],
) -> Document {
    let required = terms.required().iter().map(|alternatives| any_of(alternatives));
    let mut filter = doc! {
        "user_id": user_id.to_string(),
        "active": true,
        "$and": required.collect::<Vec<_>>(),
    };
    let excluded: Vec<Bson> = terms.excluded().iter().filter_map(single).collect();
    let excluded = (!excluded.is_empty()).then(|| doc! { "search_terms": { "$in": excluded } });
    let removed = removed.iter().map(PendingDeletionDocument::messages);
    let not: Vec<Document> = excluded.into_iter().chain(removed).collect();
    if !not.is_empty() {
        filter.insert("$nor", not);
    }
    filter
}

fn any_of(alternatives: &[Alternative]) -> Document {
    let single: Vec<Bson> = alternatives.iter().filter_map(single).collect();
    let single = (!single.is_empty()).then(|| doc! { "search_terms": { "$in": single } });
    let sequences = alternatives.iter().filter(|alternative| alternative.terms.len() > 1);
    let sequences =
        sequences.map(|sequence| doc! { "search_terms": { "$all": conditions(sequence) } });
    let mut all: Vec<Document> = single.into_iter().chain(sequences).collect();
    if all.len() == 1 {
        all.remove(0)
    } else {
        doc! { "$or": all }
    }
}

fn single(alternative: &Alternative) -> Option<Bson> {
    let mut conditions = conditions(alternative);
    if conditions.len() == 1 { conditions.pop() } else { None }
}

/// Returns a condition for each term.
fn conditions(alternative: &Alternative) -> Vec<Bson> {
    alternative.each().filter_map(|(term, is_prefix)| condition(term, is_prefix)).collect()
}

/// Returns `None` for a pattern with NUL, which no term contains. The plus sign is the only special character of patterns
/// that terms contain.
fn condition(term: &str, is_prefix: bool) -> Option<Bson> {
    if !is_prefix {
        return Some(Bson::String(term.to_owned()));
    }
    let pattern = format!("^{}", term.replace('+', "\\+")).try_into().ok()?;
    Some(Bson::RegularExpression(Regex { pattern, options: cstr!("").into() }))
}
