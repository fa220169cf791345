//! The users who can sign in: their passwords, sessions, accounts and API keys, and the audit log.

pub(crate) mod api_keys;
mod attempts;
pub(crate) mod audit;
pub(crate) mod conversation_access;
pub(crate) mod erasures;
mod failed_sign_ins;
pub(crate) mod forbidden;
mod passwords;
pub(crate) mod ports;
pub(crate) mod providers;
pub(crate) mod service;
pub(crate) mod sign_in_attempt;
