//! Test support: a chat on a real store with a scripted model.

mod chat;
mod events;
mod model;
mod stubs;

pub(crate) use chat::{
    ANSWER, MESSAGE_OVERHEAD, QUESTION, REPLY_PRIMER, START, TestChat, message, prompt_edit,
};
pub(crate) use events::{describe, expect_soon, settle};
pub(crate) use model::ModelRequest;
pub(crate) use stubs::{accepting_store, log_that_rejects};
