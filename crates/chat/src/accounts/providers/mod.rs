//! Identity providers: users who sign in with OpenID Connect.

mod account;
pub(crate) mod error;
mod groups;
mod names;
mod replay_guard;
mod roles;
pub(crate) mod service;
pub(crate) mod settings;
