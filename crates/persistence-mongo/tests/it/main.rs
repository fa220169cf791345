//! Tests of the store against a real server.
#![expect(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "these are tests")]

mod connecting;
mod contract;
mod deletion;
mod existing_collections;
mod failures;
mod flask_migration;
mod query_plans;
mod round_trips;
mod schema;
mod search;
mod support;
