#![doc = include_str!("../README.md")]

mod answer;
mod chunk;
mod error;
mod http;
mod model;
mod refusal;
mod request;
mod settings;
mod sse;
mod tls;

pub use error::{Cause, ModelError};
pub use http::{HttpChatModel, SetupError};
#[cfg(feature = "mock")]
pub use model::MockChatModel;
pub use model::{ChatMessage, ChatModel, ChatRequest, ChatRole, Delta, DeltaStream, Usage};
pub use settings::{Auth, HttpSettings, Timeouts};
