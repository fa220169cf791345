//! Labels that upstreams give to errors and filters, reduced to what may be logged.

/// The text if it is a short name such as `invalid_request_error`; `None` if it could hold a sentence.
pub(super) fn safe_label(text: &str) -> Option<String> {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    ((1..=48).contains(&text.len()) && text.chars().all(is_allowed)).then(|| text.to_owned())
}
