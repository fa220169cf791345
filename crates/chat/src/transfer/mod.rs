//! The transfer of complete conversations: export, import, and copies from one store to another.

mod account_record;
pub(crate) mod copy;
pub(crate) mod copy_accounts;
pub(crate) mod copy_audit;
pub(crate) mod copy_erasures;
pub(crate) mod export;
pub(crate) mod import;
pub(crate) mod import_jobs;
mod import_registry;
pub(crate) mod import_target;
mod merge;
pub(crate) mod service;
