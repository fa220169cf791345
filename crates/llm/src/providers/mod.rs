//! The adapters of the [`ChatModel`](crate::ChatModel) port, a directory per API.

pub(crate) mod openai_chat;
