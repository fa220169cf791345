//! What every provider over HTTP needs: the client, retries, the circuit breaker and the events
//! of an answer.

pub(crate) mod attempt_error;
pub(crate) mod breaker;
pub(crate) mod client;
pub(crate) mod decompression;
mod event_lines;
pub(crate) mod events;
mod json_documents;
pub(crate) mod retry;
pub(crate) mod retry_after;
mod tls;
