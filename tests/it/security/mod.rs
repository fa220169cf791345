//! Who may access what.

pub(crate) mod isolation;
mod log;
mod origin;
