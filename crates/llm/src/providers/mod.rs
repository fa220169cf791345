//! The adapters of the [`ChatModel`](crate::ChatModel) port, a folder per API.

pub(crate) mod openai_chat;
