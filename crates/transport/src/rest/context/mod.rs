//! The context of a conversation: everything that is sent to the model in addition to the messages.

pub(crate) mod few_shot_examples;
pub(crate) mod settings;
pub(crate) mod summary;
mod view;
