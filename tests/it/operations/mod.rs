//! The server's operation: processes, instances, stores, the page, and embedding in another application.

mod embedding;
pub(crate) mod instances;
mod pages;
mod process;
mod readiness;
mod real_model;
mod stores;
