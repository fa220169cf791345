//! Versions of messages: editing a question, regenerating an answer, selecting a version.

mod edit;
mod regenerate;
mod select;
#[cfg(test)]
mod tests;
