//! The errors of requests: their codes, texts, HTTP statuses and bodies.

pub(crate) mod api_error;
pub(crate) mod body;
mod conversions;
pub(crate) mod json_error;
pub(crate) mod log;
pub(crate) mod status;
