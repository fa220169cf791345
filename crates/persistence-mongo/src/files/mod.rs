//! The file analysis jobs, with the texts and analyses of their files.

mod adapter;
mod cancel;
mod create;
mod filters;
mod storage;
mod work;

pub(crate) use self::cancel::delete_jobs;
pub(crate) use self::storage::{put, read};
