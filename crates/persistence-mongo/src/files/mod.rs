//! File jobs, with the texts and analyses of their files.

mod adapter;
mod change;
mod create;
mod filters;
mod storage;
mod work;

pub(crate) use self::change::delete_jobs;
pub(crate) use self::storage::{put, read};
