//! The REST API, version 1.

mod conditional_requests;
mod context;
mod conversations;
mod errors;
mod files;
mod idempotency;
mod odd_clients;
mod openapi;
mod request_limits;
mod schemathesis;
mod turns;
mod user_settings;
mod versions;
