//! The chat-completions API of OpenAI, as Azure and many other servers offer it too:
//! <https://platform.openai.com/docs/api-reference/chat>.

mod chunks;
mod request;

pub(super) use chunks::chunks;
pub(super) use request::Body;
