//! Moving complete conversations: export, import, and copying one store into another.

pub(crate) mod copy;
pub(crate) mod export;
pub(crate) mod import;
pub(crate) mod import_jobs;
mod import_registry;
pub(crate) mod service;
