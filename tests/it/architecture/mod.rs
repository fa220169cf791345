//! The structure of the source: the dependencies between crates and between the files of a crate, and the sizes
//! of folders and files.

mod cycles;
mod dependencies;
mod layout;
mod modules;
mod uses;
