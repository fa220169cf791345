//! Detects that the open file was deleted or replaced.

use std::fs::{Metadata, metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// The identity of the open file. SQLite keeps using a file after its deletion; everything written to it afterwards is
/// lost when the server restarts.
pub(super) struct FileIdentity {
    path: PathBuf,
    device: u64,
    inode: u64,
}

/// The error of a path that no longer refers to the open file.
#[derive(Debug, Error)]
pub(super) enum FileIdentityError {
    #[error("{} was replaced while the server had it open; restore the file if needed, then restart the server", .0.display())]
    Replaced(PathBuf),
    #[error("can't find {}", .0.display())]
    Missing(PathBuf, #[source] io::Error),
}

impl FileIdentity {
    /// Returns the identity of the file at this path. Doesn't open the file: closing it would release SQLite's locks.
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        let file = metadata(path)?;
        Ok(Self { path: path.to_owned(), device: file.dev(), inode: file.ino() })
    }

    pub(super) fn check(&self) -> Result<(), FileIdentityError> {
        match metadata(&self.path) {
            Ok(file) if self.matches(&file) => Ok(()),
            Ok(_) => Err(FileIdentityError::Replaced(self.path.clone())),
            Err(error) => Err(FileIdentityError::Missing(self.path.clone(), error)),
        }
    }

    fn matches(&self, file: &Metadata) -> bool {
        (file.dev(), file.ino()) == (self.device, self.inode)
    }
}
