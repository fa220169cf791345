//! REST v1, for programs and for the page, with one file per resource.

pub(crate) mod accounts;
pub(crate) mod api_keys;
pub(crate) mod config;
pub(crate) mod context;
pub(crate) mod conversations;
pub(crate) mod files;
pub(crate) mod identity_providers;
pub(crate) mod messages;
pub(crate) mod routes;
pub(crate) mod search;
pub(crate) mod sessions;
pub(crate) mod sign_up;
pub(crate) mod transfer;
pub(crate) mod turns;
pub(crate) mod user_settings;
pub(crate) mod versions;
