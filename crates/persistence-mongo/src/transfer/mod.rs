//! Complete conversations, for export, import and copies.

mod adapter;
mod insert;
mod put;
mod stored_bytes;
