//! What goes to the model: system prompt, examples, summary and history, and the requests that the server
//! makes on its own behalf.

pub(crate) mod compaction;
pub(crate) mod prompts;
pub(crate) mod service;
mod stored;
pub(crate) mod titles;
