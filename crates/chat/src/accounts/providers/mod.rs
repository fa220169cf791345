//! Identity providers: users who sign in with OpenID Connect.

mod account;
pub(crate) mod error;
mod names;
mod roles;
pub(crate) mod service;
pub(crate) mod settings;
mod used_once;
