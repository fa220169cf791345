//! Headers that several routes read or write.

use actix_web::http::header::{CONTENT_LENGTH, HeaderMap};

/// Returns the length of the body in bytes, if the client declared it.
pub(crate) fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Returns the value of `Content-Disposition` for a download. Does not escape `name`, which must be a file
/// name that the server generated.
pub(crate) fn attachment(name: &str) -> String {
    format!("attachment; filename=\"{name}\"")
}
