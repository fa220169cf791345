#![doc = include_str!("../README.md")]

mod append;
mod contexts;
mod conversations;
mod database;
mod definitions;
mod documents;
mod error;
mod exchange;
mod file_documents;
mod file_jobs;
mod flask;
mod lapsed;
mod open_error;
mod probe;
mod queries;
mod removals;
mod schema;
mod search;
mod terms;
mod transfer;
mod versions;

use std::sync::Arc;

pub use database::MongoDatabase;
pub use flask::{
    CountTokens, FlaskError, FlaskMigration, FlaskProgress, FlaskReport, LeftBehind, Reason,
};
pub use open_error::OpenError;
pub use schema::{Schema, SchemaChange};

use removals::Remover;

/// Conversations, their contexts and files, and all to move them, in a MongoDB database. Clones share it.
#[derive(Clone)]
pub struct MongoStore {
    database: MongoDatabase,
    remover: Arc<Remover>,
}

impl MongoStore {
    /// The store in this database, whose schema must have been prepared. Within a Tokio runtime: a
    /// task begins there, which takes away what was deleted, and ends with the last clone.
    #[must_use]
    pub fn new(database: MongoDatabase) -> Self {
        let remover = Arc::new(Remover::start(database.clone()));
        Self { database, remover }
    }
}
