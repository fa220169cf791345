//! Security: access control, origins of requests, resource limits, expensive searches and the log.

pub(crate) mod account_server;
mod accounts;
mod admin;
mod api_keys;
mod audit;
mod erasure;
mod groups;
mod http;
pub(crate) mod isolation;
mod log;
mod oidc;
mod origin;
mod resource_limits;
mod search_cost;
mod sign_in_proxy;
