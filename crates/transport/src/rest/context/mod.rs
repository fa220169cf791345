//! The context of a conversation: everything that the model gets besides the messages.

pub(crate) mod few_shot_examples;
pub(crate) mod settings;
pub(crate) mod summary;
mod view;
