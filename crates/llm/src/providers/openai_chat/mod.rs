//! The chat-completions API of OpenAI, as Azure and many other servers offer it too:
//! <https://platform.openai.com/docs/api-reference/chat>.

mod answer;
mod capabilities;
mod content_filter;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod label;
mod reported_model;
mod request;
mod request_span;
mod upstream;
mod upstream_error;

pub(crate) use request_span::RequestSpan;
pub(crate) use upstream::Upstream;
