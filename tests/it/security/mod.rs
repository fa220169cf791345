//! Who may access what.

pub(crate) mod isolation;
mod origin;
