//! What the operator sees of the server: the settings, and the models with their deployments.

pub(super) mod models;
pub(super) mod settings;
