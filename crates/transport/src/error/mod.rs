//! Errors of requests: codes, texts, HTTP statuses, and their bodies.

pub(crate) mod api_error;
