//! Routes for reading.

use actix_web::{Route, guard, web};

/// A route for `GET` and, as HTTP demands of its resources, `HEAD` (RFC 9110, section 9.1), whose response has no body.
/// Not for endless responses: actix computes the body all the same.
pub(crate) fn read_route() -> Route {
    web::route().guard(guard::Any(guard::Get()).or(guard::Head()))
}
