//! The store against a real server.
#![expect(clippy::unwrap_used, reason = "these are tests")]

mod contract;
mod support;
