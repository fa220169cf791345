//! The middleware that every request passes through. [`Services`](crate::Services) defines the order.

pub(crate) mod body_limits;
pub(crate) mod cache_control;
pub(crate) mod connection;
pub(crate) mod cors;
pub(crate) mod error_body;
pub(crate) mod origin;
pub(crate) mod request_rate;
pub(crate) mod request_span;
pub(crate) mod response_memory;
pub(crate) mod security_headers;
pub(crate) mod session_cookie;
pub(crate) mod timing;
pub(crate) mod trace_span;
