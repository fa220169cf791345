//! The Responses API of OpenAI, as Azure and other servers offer it too. Unlike chat completions, it returns summaries
//! of the reasoning of OpenAI's models: <https://platform.openai.com/docs/api-reference/responses>.

mod events;
mod request;
#[cfg(test)]
mod tests;

pub(super) use events::chunks;
pub(super) use request::{Body, left_out};
