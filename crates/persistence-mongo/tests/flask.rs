//! Carrying over what the Flask application wrote, on a real server.
#![expect(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "these are tests")]

#[path = "flask/interference.rs"]
mod interference;
#[path = "flask/many.rs"]
mod many;
#[path = "flask/odd.rs"]
mod odd;
#[path = "flask/old_database.rs"]
mod old_database;
#[path = "it/support/mod.rs"]
mod support;
