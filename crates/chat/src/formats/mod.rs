//! The formats in which conversations are exported and imported: pure functions that do no I/O.

pub(crate) mod chatgpt;
pub(crate) mod flask;
mod ids;
pub(crate) mod imported;
pub(crate) mod invalid_file;
pub(crate) mod json;
mod json_array_reader;
pub(crate) mod markdown;
pub(crate) mod reader;
#[cfg(test)]
mod tests;
