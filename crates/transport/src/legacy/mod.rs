//! The REST API of the Flask application that Webchat replaces: same paths, bodies and statuses.

mod config;
mod confirmation;
mod conversations;
mod few_shot_examples;
mod files;
mod history;
pub(crate) mod routes;
mod search;
