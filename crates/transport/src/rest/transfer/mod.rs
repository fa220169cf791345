//! Conversations as files: export, import, and files saved on the server.

pub(crate) mod erasure;
pub(crate) mod export;
mod import_file;
pub(crate) mod imports;
pub(crate) mod save;
