//! Files, and the jobs that analyse them.

mod create;
mod end;
mod job;
mod lease;
mod port;

pub(crate) use job::delete_all;
