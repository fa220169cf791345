//! What every provider over HTTP needs: the client, retries, the circuit breaker and server-sent
//! events.

pub(crate) mod attempt_error;
pub(crate) mod breaker;
pub(crate) mod client;
pub(crate) mod retry;
pub(crate) mod retry_after;
pub(crate) mod sse;
mod tls;
