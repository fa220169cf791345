//! What the services share: state, lifecycle, periodic tasks, housekeeping, limits, readiness, notifications, token
//! counts and work on long texts.

pub(crate) mod core;
pub(crate) mod error_chain;
pub(crate) mod housekeeping;
pub(crate) mod lifecycle;
pub(crate) mod limits;
mod notifications;
pub(crate) mod periodic;
pub(crate) mod reached_limits;
pub(crate) mod readiness;
pub(crate) mod storage_quota;
pub(crate) mod text_work;
mod tokens;
