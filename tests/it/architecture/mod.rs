//! Checks the structure of the source code: `dependencies` between crates, `cycles` between the files of a crate, the
//! `layout` of directories and files, and the table of `limits`. `modules` and `uses` are helpers of `cycles`.

mod cycles;
mod dependencies;
mod layout;
mod limits;
mod modules;
mod uses;
