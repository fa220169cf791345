//! Complete conversations, for export, import and copies.

mod insert;
mod port;
mod row;
