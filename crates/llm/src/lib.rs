#![doc = include_str!("../README.md")]

mod answer;
mod breaker;
mod chunk;
mod dialect;
mod error;
mod fault;
mod filter;
mod http;
mod model;
mod refusal;
mod request;
mod retry;
mod settings;
mod sse;
mod tls;
mod upstream;
mod wait;

pub use error::{Cause, ModelError, filtered_answer};
pub use http::{HttpChatModel, SetupError};
#[cfg(feature = "mock")]
pub use model::MockChatModel;
pub use model::{ChatMessage, ChatModel, ChatRequest, ChatRole, Delta, DeltaStream, Usage};
pub use settings::{Auth, HttpSettings, ProxySettings, Timeouts, TokensField};
