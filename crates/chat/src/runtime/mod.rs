//! Shared parts of the services: state, lifecycle, periodic tasks, housekeeping, limits, readiness, notifications,
//! token counts, work on long texts, and log limits.

pub(crate) mod core;
pub(crate) mod housekeeping;
pub(crate) mod lifecycle;
pub(crate) mod limits;
pub(crate) mod log_limiter;
mod notifications;
pub(crate) mod panic_message;
pub(crate) mod periodic;
pub(crate) mod reached_limits;
pub(crate) mod readiness;
pub(crate) mod storage_quota;
pub(crate) mod text_work;
mod tokens;
