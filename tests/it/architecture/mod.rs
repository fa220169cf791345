//! The structure of the source: the dependencies between crates and between the files of a crate, the sizes of
//! directories and files, and the table of limits.

mod cycles;
mod dependencies;
mod layout;
mod limits;
mod modules;
mod uses;
