//! Reserves a database file for this process.

use std::fs::{File, TryLockError};
use std::path::Path;

use super::open_error::OpenError;
use crate::private_files;

/// Locks the file beside the database until the returned file is closed. The system releases the lock
/// however the process ends.
pub(super) fn lock(path: &Path) -> Result<File, OpenError> {
    if let Some(folder) = path.parent() {
        private_files::create_folder(folder)
            .map_err(|cause| OpenError::NotWritable { path: folder.to_owned(), cause })?;
    }
    let lock_path = path.with_extension("lock");
    let file = private_files::open(&lock_path)
        .map_err(|cause| OpenError::NotWritable { path: lock_path.clone(), cause })?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse(path.to_owned())),
        Err(TryLockError::Error(cause)) => Err(OpenError::NotWritable { path: lock_path, cause }),
    }
}
