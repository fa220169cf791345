//! The server's operation: bounds, configuration, processes, instances, stores, access tokens, logs, metrics, traces,
//! the page and embedding in another application.

mod bounds;
mod configuration;
mod embedding;
mod entra;
pub(crate) mod instances;
mod log_file;
mod metrics;
mod pages;
mod process;
mod proxies;
mod readiness;
mod real_model;
mod stores;
mod traces;
