#![doc = include_str!("../README.md")]

mod archive;
mod contexts;
mod conversations;
mod database;
mod events;
mod files;
mod probe;
mod rows;
mod saved_files_dir;
mod sessions;
mod store;
mod token_budgets;

pub use database::OpenError;
pub use events::{LocalSignals, SqliteTurnLog};
pub use saved_files_dir::SavedFilesDir;
pub use store::SqliteStore;
