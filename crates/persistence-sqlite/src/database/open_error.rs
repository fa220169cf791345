//! The errors of opening a database file.

use std::error::Error as StdError;
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// The reason why a database file can't be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The directory or the lock file can't be written.
    #[error("can't write to {}: {cause}", .path.display())]
    NotWritable {
        /// The directory or file.
        path: PathBuf,
        /// The cause.
        cause: io::Error,
    },
    /// Another process has the file open.
    #[error(
        "{} is in use by another Webchat process; stop that process, or set another DATA_DIR",
        .0.display()
    )]
    InUse(PathBuf),
    /// A newer version of Webchat wrote the file.
    #[error("{} was written by a newer version of Webchat; use that version, or a backup", .0.display())]
    TooNew(PathBuf),
    /// The file is not a database, it is damaged, or the disk failed.
    #[error("can't open {}: {cause}", .path.display())]
    Failed {
        /// The directory or file.
        path: PathBuf,
        /// The cause.
        cause: Box<dyn StdError + Send + Sync>,
    },
}

impl OpenError {
    pub(crate) fn failed(path: &Path, cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::Failed { path: path.to_owned(), cause: cause.into() }
    }
}
