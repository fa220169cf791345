//! Complete conversations, for export, import and copies.

mod port;
mod row;
