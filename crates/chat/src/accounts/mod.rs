//! Sessions and the users that they belong to.

pub(crate) mod service;
