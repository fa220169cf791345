//! Tests of the migration of the Flask application's conversations.

mod bulk;
mod concurrency;
mod documents;
pub(crate) mod legacy_database;
mod odd;
mod rollback;
mod users;
