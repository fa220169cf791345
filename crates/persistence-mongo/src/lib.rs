#![doc = include_str!("../README.md")]

mod abandoned;
mod append;
mod archive;
mod contexts;
mod conversations;
mod database;
mod definitions;
mod documents;
mod error;
mod file_documents;
mod file_jobs;
mod flask;
mod lapsed;
mod open_error;
mod preconditions;
mod probe;
mod queries;
mod removals;
mod schema;
mod search;
mod terms;
mod versions;

use std::sync::Arc;

pub use database::MongoDatabase;
pub use flask::{
    CountTokens, FlaskError, FlaskMigration, FlaskProgress, FlaskReport, LeftBehind, Reason,
};
pub use open_error::OpenError;
pub use schema::{Schema, SchemaChange};

use abandoned::Ender;
use removals::Remover;

/// Conversations, their contexts and files, and all to move them, in a MongoDB database. Clones share it.
#[derive(Clone)]
pub struct MongoStore {
    database: MongoDatabase,
    remover: Arc<Remover>,
    _ender: Arc<Ender>,
}

impl MongoStore {
    /// The store in this database, whose schema must have been prepared. Within a Tokio runtime: tasks
    /// begin there, which take away what was deleted and end what dead instances left half done, and
    /// end with the last clone.
    #[must_use]
    pub fn new(database: MongoDatabase) -> Self {
        let remover = Arc::new(Remover::start(database.clone()));
        let ender = Arc::new(Ender::start(database.clone()));
        Self { database, remover, _ender: ender }
    }
}
