//! The deployments of a model: which of them a request asks, in which order, and how each of them works.

pub(crate) mod chat_model;
mod deployment;
mod order;
pub(crate) mod state;
