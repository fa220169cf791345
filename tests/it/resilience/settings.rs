//! Settings of the survival tests.

/// Disables the request limit, because clients that reconnect all the time send more requests than people do.
pub(super) const NO_REQUEST_LIMIT: [(&str, &str); 1] = [("REQUESTS_PER_SECOND", "0")];
