//! The users who can sign in: their passwords, sessions and accounts.

mod attempts;
mod passwords;
pub(crate) mod service;
