//! The server as its clients see it.
#![expect(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "these are tests")]

mod arrows;
mod context;
mod errors;
mod flask;
mod instances;
mod isolation;
mod kills;
mod limits;
mod lists;
mod origin;
mod pages;
mod process;
mod real_model;
mod rest_v1;
mod socket_io;
mod socket_io_clients;
mod stores;
mod turns;
mod websocket;
mod websocket_conformance;
