//! Completions: answers of the model to requests of programs, of which nothing is stored.

pub(crate) mod completion;
pub(crate) mod request;
pub(crate) mod service;
mod task;
#[cfg(test)]
mod tests;
