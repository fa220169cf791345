//! The store against a real server.
#![expect(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "these are tests")]

mod contract;
mod faults;
mod flask;
mod opening;
mod plans;
mod removals;
mod schema;
mod search;
mod support;
