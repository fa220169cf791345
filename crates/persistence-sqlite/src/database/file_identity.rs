//! Notices that the open file was deleted or replaced.

use std::fs::{Metadata, metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// The file that a path led to. SQLite keeps using an open file after its deletion, and all that is written
/// to it then is lost at the next start.
pub(super) struct FileIdentity {
    path: PathBuf,
    device: u64,
    inode: u64,
}

/// The path no longer leads to the open file.
#[derive(Debug, Error)]
pub(super) enum FileMoved {
    #[error("{} is not the file that is open; restart the server, after restoring it if needed", .0.display())]
    Replaced(PathBuf),
    #[error("can't find {}", .0.display())]
    Missing(PathBuf, #[source] io::Error),
}

impl FileIdentity {
    /// Never opens the file: closing it again would release SQLite's locks on it.
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        let file = metadata(path)?;
        Ok(Self { path: path.to_owned(), device: file.dev(), inode: file.ino() })
    }

    pub(super) fn check(&self) -> Result<(), FileMoved> {
        match metadata(&self.path) {
            Ok(file) if self.is(&file) => Ok(()),
            Ok(_) => Err(FileMoved::Replaced(self.path.clone())),
            Err(error) => Err(FileMoved::Missing(self.path.clone(), error)),
        }
    }

    fn is(&self, file: &Metadata) -> bool {
        (file.dev(), file.ino()) == (self.device, self.inode)
    }
}
