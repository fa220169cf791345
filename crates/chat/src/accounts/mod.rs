//! Sessions and their users.

pub(crate) mod service;
