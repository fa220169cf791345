//! The context of a conversation: system prompt, examples, summary and history, and the requests for
//! summaries and titles.

pub(crate) mod compaction;
pub(crate) mod prompts;
pub(crate) mod service;
mod stored;
pub(crate) mod titles;
