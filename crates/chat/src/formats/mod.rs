//! The formats in which conversations are exported and imported. Nothing here uses a store.

mod chatgpt;
mod detection;
pub(crate) mod flask;
mod ids;
pub(crate) mod imported;
pub(crate) mod invalid_file;
pub(crate) mod json;
mod json_array_reader;
mod limits;
pub(crate) mod markdown;
pub(crate) mod read_error;
pub(crate) mod reader;
mod string_guard;
#[cfg(test)]
mod tests;
