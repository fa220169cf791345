//! Integration tests: the server as its clients, its operator and its developers see it.
#![expect(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "these are tests")]

mod architecture;
mod legacy;
mod operations;
mod realtime;
mod rest;
mod security;
mod survival;
mod transfer;
