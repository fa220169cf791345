//! Reserves a database file for this process.

use std::fs::{File, TryLockError};
use std::path::Path;

use super::open_error::OpenError;
use crate::private_files;

/// Locks the file beside the database and their folder until the returned files are closed. The system
/// releases the locks however the process ends. The lock of the folder remains if the lock file is deleted.
pub(super) fn lock(path: &Path) -> Result<[File; 2], OpenError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let lock_path = path.with_extension("lock");
    let not_writable = |path: &Path, cause| OpenError::NotWritable { path: path.to_owned(), cause };
    private_files::create_folder(folder).map_err(|cause| not_writable(folder, cause))?;
    let file = private_files::open(&lock_path).map_err(|cause| not_writable(&lock_path, cause))?;
    let folder_file = File::open(folder).map_err(|cause| not_writable(folder, cause))?;
    for (file, locked) in [(&file, lock_path.as_path()), (&folder_file, folder)] {
        file.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => OpenError::InUse(path.to_owned()),
            TryLockError::Error(cause) => not_writable(locked, cause),
        })?;
    }
    Ok([file, folder_file])
}
