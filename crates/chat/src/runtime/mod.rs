//! What the services run on: shared state, lifecycle, periodic tasks, limits and readiness.

pub(crate) mod core;
pub(crate) mod error_chain;
pub(crate) mod lifecycle;
pub(crate) mod limits;
pub(crate) mod periodic;
pub(crate) mod readiness;
