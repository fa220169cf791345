//! Locks a database file for this process.

use std::fs::{File, TryLockError};
use std::path::Path;

use super::open_error::OpenError;
use crate::private_files;

/// Locks a lock file next to the database, and their directory, until the returned files are closed. The operating system
/// releases the locks even if the process is killed. The lock of the directory also works after the lock file is deleted.
pub(super) fn lock(path: &Path) -> Result<[File; 2], OpenError> {
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty());
    let dir = dir.unwrap_or(Path::new("."));
    let lock_path = path.with_extension("lock");
    let not_writable = |path: &Path, cause| OpenError::NotWritable { path: path.to_owned(), cause };
    private_files::create_dir(dir).map_err(|cause| not_writable(dir, cause))?;
    let file = private_files::open(&lock_path).map_err(|cause| not_writable(&lock_path, cause))?;
    let dir_file = File::open(dir).map_err(|cause| not_writable(dir, cause))?;
    for (file, locked) in [(&file, lock_path.as_path()), (&dir_file, dir)] {
        file.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => OpenError::InUse(path.to_owned()),
            TryLockError::Error(cause) => not_writable(locked, cause),
        })?;
    }
    Ok([file, dir_file])
}
