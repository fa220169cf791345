//! Modules that the benchmarks share: stores, upstreams, texts and the report.

pub(crate) mod flask;
pub(crate) mod process;
pub(crate) mod prose;
pub(crate) mod report;
pub(crate) mod samples;
pub(crate) mod stores;
pub(crate) mod upstream;
