//! The adapters of the [`ChatModel`](crate::ChatModel) port: a directory per API, and what they share.

mod answer;
mod api;
mod capabilities;
mod content_filter;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod label;
mod openai_chat;
mod openai_responses;
mod reported_model;
mod request_span;
mod system_role;
mod upstream;
mod upstream_error;

pub(crate) use request_span::RequestSpan;
pub(crate) use upstream::Upstream;
