//! Security: access control, origins of requests, resource limits, expensive searches and the log.

mod accounts;
pub(crate) mod isolation;
mod log;
mod origin;
mod resource_limits;
mod search_cost;
