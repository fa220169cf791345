//! What every request passes through before its handler; [`Services`](crate::Services) stacks it.

pub(crate) mod cors;
pub(crate) mod error_body;
pub(crate) mod origin;
pub(crate) mod request_limits;
pub(crate) mod security_headers;
pub(crate) mod sessions;
