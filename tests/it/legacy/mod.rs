//! The HTTP API of the Flask application.

mod flask;
