//! Access control, and the origins of requests.

pub(crate) mod isolation;
mod log;
mod origin;
mod resource_limits;
mod search_cost;
