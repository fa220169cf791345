//! The error of an import file from which nothing can be imported.

use thiserror::Error;

/// The reason why nothing in a file can be imported. The text is shown to the user.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("Nothing was imported: {problem}.")]
pub struct InvalidImportFile {
    /// The problem.
    pub problem: String,
}
