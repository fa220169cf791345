//! The users who can sign in: their passwords, sessions, accounts and API keys.

pub(crate) mod api_keys;
mod attempts;
mod passwords;
pub(crate) mod ports;
pub(crate) mod service;
pub(crate) mod sign_in_attempt;
