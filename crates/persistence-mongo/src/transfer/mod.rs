//! Reading and writing complete conversations, for export, import and the migration to another store.

mod adapter;
mod insert;
mod put;
mod stored_bytes;
