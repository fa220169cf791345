//! Headers of several routes' requests and responses.

use actix_web::http::header::{CONTENT_LENGTH, HeaderMap};

/// The declared length of the body in bytes, if it is declared.
pub(crate) fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// The value of `Content-Disposition` for a download. `name` must need no escaping: it is one of our
/// own file names.
pub(crate) fn attachment(name: &str) -> String {
    format!("attachment; filename=\"{name}\"")
}
