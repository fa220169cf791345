//! The errors of reading an import file.

use std::io;

use serde_path_to_error::Path;
use thiserror::Error;

use super::invalid_file::InvalidImportFile;
use super::string_guard::StringTooLong;

/// The reason why a file could not be read.
#[derive(Debug, Error)]
pub(crate) enum ReadError {
    #[error(transparent)]
    Invalid(#[from] InvalidImportFile),
    #[error("failed to read the file")]
    Io(#[source] io::Error),
}

/// The problem of a JSON file in an unknown format.
pub(super) const UNKNOWN_FORMAT: &str =
    "this is not an export of Webchat or ChatGPT, nor a list of messages";

/// Converts an error of the JSON parser. `read` is the number of conversations that were read before it.
pub(super) fn parse_error(error: serde_json::Error, path: &Path, read: u64) -> ReadError {
    let path = path.to_string();
    let (line, column) = (error.line(), error.column());
    if error.is_io() {
        let error = io::Error::from(error);
        return match error.get_ref().and_then(|cause| cause.downcast_ref::<StringTooLong>()) {
            Some(too_long) => invalid(&path, (line, column), read, &too_long.to_string()),
            None => ReadError::Io(error),
        };
    }
    // serde_json repeats the position at the end of its text.
    let text = error.to_string();
    let position = format!(" at line {line} column {column}");
    let problem = text.strip_suffix(&position).unwrap_or(&text);
    invalid(&path, (line, column), read, problem)
}

/// The maximum length of a path or a problem in an error, because both may quote the file.
const MAX_CHARS: usize = 200;

fn invalid(path: &str, (line, column): (usize, usize), read: u64, problem: &str) -> ReadError {
    InvalidImportFile {
        conversation: path.contains('[').then_some(read + 1),
        path: if path == "." { String::new() } else { truncate(path) },
        line,
        column,
        problem: truncate(problem),
    }
    .into()
}

/// Returns the error of a file that can't be parsed at all.
pub(super) fn unreadable(problem: &str) -> ReadError {
    InvalidImportFile {
        conversation: None,
        path: String::new(),
        line: 0,
        column: 0,
        problem: truncate(problem),
    }
    .into()
}

fn truncate(text: &str) -> String {
    text.chars().take(MAX_CHARS).collect()
}
