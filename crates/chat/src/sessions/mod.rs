//! Sessions, and their users with their settings.

pub(crate) mod retention;
pub(crate) mod service;
pub(crate) mod user_settings;
