//! Settings of the resilience tests.

/// Disables the request limit, because clients that keep reconnecting send more requests than people do.
pub(super) const NO_REQUEST_LIMIT: [(&str, &str); 1] = [("REQUESTS_PER_SECOND", "0")];
