//! Sessions and their users.

pub(crate) mod retention;
pub(crate) mod service;
