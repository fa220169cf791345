//! Reading and writing complete conversations, for export, import and moving everything to another store.

mod adapter;
mod insert;
mod put;
