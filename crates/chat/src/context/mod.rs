//! The context of a conversation: system prompt, examples, summary and history. Also the requests for summaries and
//! titles.

mod alternation;
pub(crate) mod compaction;
mod omission;
pub(crate) mod prompts;
pub(crate) mod service;
pub(crate) mod stored_context;
mod summary_range;
mod title_text;
pub(crate) mod titles;
