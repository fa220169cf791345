//! The events of live connections, in both directions, and their schemas.

pub(crate) mod incoming;
pub(crate) mod outgoing;
pub(crate) mod schema;
