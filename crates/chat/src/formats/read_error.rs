//! The errors of reading an import file.

use std::io;

use thiserror::Error;

use super::input::archive::{ArchiveError, ArchiveTooLarge};
use super::invalid_file::InvalidImportFile;

/// The reason why a file could not be read.
#[derive(Debug, Error)]
pub(crate) enum ReadError {
    #[error(transparent)]
    Invalid(#[from] InvalidImportFile),
    #[error("failed to read the file")]
    Io(#[source] io::Error),
    /// The receiver of the conversations has ended the import.
    #[error("the import has ended")]
    Ended,
}

/// The maximum length of a problem in an error, because it may quote the file.
const MAX_CHARS: usize = 300;

/// Returns the error of a file that contains nothing to import.
pub(super) fn invalid(problem: &str) -> ReadError {
    InvalidImportFile { problem: truncate(problem) }.into()
}

/// Returns the reason for the user why a conversation can't be parsed.
pub(super) fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    if error.is_eof() {
        return "the file breaks off within it".to_owned();
    }
    if text.starts_with("recursion limit") {
        return "its messages are nested too deeply; export it as a flat list".to_owned();
    }
    if error.is_syntax() {
        return "it is not valid JSON".to_owned();
    }
    // serde_json repeats the position at the end of its text.
    let position = format!(" at line {} column {}", error.line(), error.column());
    truncate(text.strip_suffix(&position).unwrap_or(&text))
}

pub(super) fn truncate(text: &str) -> String {
    text.chars().take(MAX_CHARS).collect()
}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> Self {
        match error.get_ref().and_then(|cause| cause.downcast_ref::<ArchiveTooLarge>()) {
            Some(too_large) => invalid(&too_large.to_string()),
            None => Self::Io(error),
        }
    }
}

impl From<ArchiveError> for ReadError {
    fn from(error: ArchiveError) -> Self {
        match error {
            ArchiveError::Invalid(problem) => invalid(&problem),
            ArchiveError::Io(error) => Self::Io(error),
        }
    }
}
