//! The server as its clients see it.
#![expect(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "these are tests")]

mod arrows;
mod asyncapi;
mod conditions;
mod context;
mod errors;
mod flask;
mod http_turns;
mod instances;
mod isolation;
mod limits;
mod openapi;
mod origin;
mod pages;
mod process;
mod real_model;
mod rest_v1;
mod schemathesis;
mod socket_io;
mod socket_io_clients;
mod stores;
mod turns;
mod websocket;
