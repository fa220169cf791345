//! Sessions and their users.

pub(crate) mod caller;
pub(crate) mod service;
