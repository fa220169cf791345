//! Integration tests of the server's API and operation, its documentation and the structure of its source.
#![expect(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "these are tests")]

mod architecture;
mod documentation;
mod legacy;
mod models;
mod openai_api;
mod operations;
mod realtime;
mod resilience;
mod rest;
mod security;
mod transfer;
