//! Labels that upstreams give to errors and filters, reduced to what may be logged.

/// Returns the string if it is a short name such as `invalid_request_error`, or `None` if it could be a
/// sentence.
pub(super) fn safe_label(text: &str) -> Option<String> {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    ((1..=48).contains(&text.len()) && text.chars().all(is_allowed)).then(|| text.to_owned())
}
