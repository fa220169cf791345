//! The OpenAI-compatible API: for programs that are written for OpenAI's chat completions. Its bodies, errors and streams
//! have OpenAI's forms: <https://platform.openai.com/docs/api-reference/chat>.

mod answer;
mod completions;
pub(crate) mod error;
pub(crate) mod error_body;
mod fields;
mod key_user;
mod messages;
mod models;
mod objects;
mod request;
pub(crate) mod routes;
mod schema;
mod stream;

/// The path of all routes, which clients have at the end of their base URL.
pub(crate) const PREFIX: &str = "/v1";
