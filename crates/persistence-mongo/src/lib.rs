#![doc = include_str!("../README.md")]

mod accounts;
mod api_keys;
mod audit;
mod contexts;
mod conversations;
mod database;
mod deletion;
mod documents;
mod erasures;
mod error;
mod files;
mod flask_migration;
mod probe;
mod queries;
mod schema;
mod search;
mod store;
mod token_budgets;
mod transfer;
mod user_activity;
mod user_settings;

pub use database::{MongoDatabase, OpenError, explanation};
pub use flask_migration::{
    CountTokens, FlaskMigration, FlaskUser, MigrationError, MigrationProgress, MigrationReport,
    SkipReason, Skipped, flask_user_id,
};
pub use schema::{Schema, SchemaChange};
pub use store::MongoStore;
