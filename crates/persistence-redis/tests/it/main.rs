//! Tests of the stores against a real Redis server.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "these are tests"
)]

mod calls;
mod contract;
mod events;
mod open;
mod outage;
mod proxy;
mod readers;
mod redis_server;
mod sessions;
mod signals;
mod subscriptions;
mod turn_log;
