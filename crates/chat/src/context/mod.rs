//! The context of a conversation: system prompt, examples, summary and history, and the requests for
//! summaries and titles.

mod alternation;
pub(crate) mod compaction;
mod omission;
pub(crate) mod prompts;
pub(crate) mod service;
mod stored;
mod summary_range;
pub(crate) mod titles;
