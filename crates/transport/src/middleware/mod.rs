//! What every request passes through before its handler: origin check, CORS, limits, error bodies.

pub(crate) mod origin;
pub(crate) mod request_limits;
