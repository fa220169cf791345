//! The promises of the ports, kept by Redis, and what becomes of them when Redis goes away.
#![expect(clippy::expect_used, clippy::unwrap_used, reason = "these are tests")]

mod contract;
mod events;
mod live;
mod opening;
mod outage;
mod proxy;
mod redis_server;
mod sessions;
mod signals;
mod turn_log;
