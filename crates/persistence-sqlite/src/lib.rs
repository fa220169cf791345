#![doc = include_str!("../README.md")]

mod accounts;
mod api_keys;
mod audit;
mod contexts;
mod conversations;
mod database;
mod deletion;
mod erasures;
mod events;
mod files;
mod idle_memory;
mod private_files;
mod probe;
mod rows;
mod saved_files_dir;
mod search;
mod sessions;
mod store;
mod token_budgets;
mod transfer;
mod user_activity;
mod user_settings;

pub use database::{OpenError, describe_metrics};
pub use events::{LocalSignals, SqliteTurnLog};
pub use private_files::make_private;
pub use saved_files_dir::SavedFilesDir;
pub use store::SqliteStore;
