//! The structure of the source: which crate may use which, and how the modules of a crate depend on
//! one another.

mod arrows;
mod circles;
mod layout;
mod modules;
mod uses;
