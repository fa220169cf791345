//! The REST API, version 1.

mod conditional_requests;
mod context;
mod conversations;
mod errors;
mod files;
mod idempotency;
mod openapi;
mod request_limits;
mod schemathesis;
mod turns;
mod versions;
