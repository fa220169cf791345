//! Why a database file can't be opened.

use std::error::Error as StdError;
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// Why a database file can't be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The folder or the lock file can't be written.
    #[error("can't write to {}: {cause}", .path.display())]
    NotWritable {
        /// The folder or file.
        path: PathBuf,
        /// The cause.
        cause: io::Error,
    },
    /// Another process has it open.
    #[error(
        "{} is in use by another Webchat; stop that one, or give this one another DATA_DIR",
        .0.display()
    )]
    InUse(PathBuf),
    /// A newer version of Webchat wrote it.
    #[error("{} was written by a newer Webchat; use that one or a backup", .0.display())]
    TooNew(PathBuf),
    /// It is not a database, it is damaged, or the disk failed.
    #[error("can't open {}: {cause}", .path.display())]
    Failed {
        /// The folder or file.
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
