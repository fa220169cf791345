//! Routes for `GET` and `HEAD`.

use actix_web::{Route, guard, web};

/// Returns a route for `GET` and `HEAD`, which HTTP requires of all resources (RFC 9110, section 9.1). Don't use it
/// for endless responses: actix also computes the body for `HEAD`.
pub(crate) fn get_or_head() -> Route {
    web::route().guard(guard::Any(guard::Get()).or(guard::Head()))
}
