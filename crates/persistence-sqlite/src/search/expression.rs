//! Converts a search to an FTS5 expression.

use webchat_persistence::search::{Alternative, Terms};

use super::index::indexed;

/// Returns the expression, or `None` if no message can match. Every term is quoted, so that none is parsed as an operator.
pub(super) fn expression(user_id: &str, terms: &Terms) -> Option<String> {
    let any_of = |alternatives: &[Alternative]| {
        let alternatives: Vec<String> =
            alternatives.iter().map(|alternative| condition(user_id, alternative)).collect();
        format!("({})", alternatives.join(" OR "))
    };
    let required: Vec<String> = terms.required().iter().map(|one| any_of(one)).collect();
    if required.is_empty() {
        return None;
    }
    let required = required.join(" AND ");
    if terms.excluded().is_empty() {
        return Some(required);
    }
    Some(format!("({required}) NOT {}", any_of(terms.excluded())))
}

fn condition(user_id: &str, Alternative { terms, is_prefix }: &Alternative) -> String {
    // The forms have no order.
    let columns = if terms.len() == 1 { "{terms forms}" } else { "terms" };
    let terms: Vec<String> = terms.iter().map(|term| indexed(user_id, term)).collect();
    format!("{columns} : \"{}\"{}", terms.join(" "), if *is_prefix { " *" } else { "" })
}
