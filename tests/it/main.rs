//! The server as its clients see it.
#![expect(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "these are tests")]

mod architecture;
mod asyncapi;
mod conditions;
mod connection_limits;
mod context;
mod errors;
mod exchange;
mod files;
mod flask;
mod http_turns;
mod idempotency;
mod instances;
mod isolation;
mod library;
mod lists;
mod openapi;
mod origin;
mod pages;
mod process;
mod real_model;
mod request_limits;
mod rest_v1;
mod schemathesis;
mod socket_io;
mod socket_io_clients;
mod stores;
mod survival;
mod turns;
mod versions;
mod websocket;
mod websocket_conformance;
