//! The REST API of the Flask application: same paths, bodies and statuses.

pub(crate) mod flask;
