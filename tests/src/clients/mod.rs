//! Client libraries in separate processes.

mod openai_client;
mod real_client;

pub use openai_client::{OpenAiClient, OpenAiLibrary, llm_command};
pub use real_client::{ClientLibrary, RealClient};
