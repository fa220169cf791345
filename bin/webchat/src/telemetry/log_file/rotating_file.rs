//! A file that is renamed when it is full, and replaced by a new one.

use std::ffi::OsString;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::queue::RETRY_INTERVAL;

/// A file of at most `max_bytes`, and up to `files_kept` older ones: `webchat.log.1` is the newest of them.
pub(super) struct RotatingFile {
    path: PathBuf,
    max_bytes: u64,
    files_kept: u32,
    file: Option<File>,
    reopen: bool,
    error: Option<String>,
    /// The time of the next attempt to open or rotate the file while lines can still be written.
    retry_at: Option<Instant>,
}

impl RotatingFile {
    /// Creates a closed file. The first write opens it.
    pub(super) fn new(path: PathBuf, max_bytes: u64, files_kept: u32) -> Self {
        Self { path, max_bytes, files_kept, file: None, reopen: false, error: None, retry_at: None }
    }

    /// Makes the next write open the path again, for programs that rename the file.
    pub(super) fn reopen(&mut self) {
        self.reopen = true;
        self.retry_at = None;
    }

    /// Returns the error of the last attempt to open or rotate the file. It may be writable nevertheless.
    pub(super) fn error(&self) -> Option<String> {
        self.error.clone()
    }

    /// Appends a line completely or not at all. An empty line only opens the file if necessary.
    ///
    /// # Errors
    /// A description of the operation that failed.
    pub(super) fn write(&mut self, line: &[u8]) -> Result<(), String> {
        self.open_or_rotate(line.len());
        let Some(file) = &self.file else { return Err(self.error().unwrap_or_default()) };
        append(file, line).map_err(|error| {
            // After some errors, such as a stale NFS handle, the file must be opened again to be written.
            self.reopen = true;
            failed_to("write", &error)
        })
    }

    /// Opens or rotates the file if necessary. If this fails, an open file stays in use.
    fn open_or_rotate(&mut self, line_len: usize) {
        if self.metadata().is_none_or(|metadata| metadata.nlink() == 0) {
            // Lines in a deleted file would be lost.
            self.file = None;
        }
        if self.file.is_some() && self.retry_at.is_some_and(|at| Instant::now() < at) {
            return;
        }
        self.error = self.try_open_or_rotate(line_len).err();
        self.retry_at = self.error.as_ref().map(|_| Instant::now() + RETRY_INTERVAL);
    }

    fn try_open_or_rotate(&mut self, line_len: usize) -> Result<(), String> {
        if self.file.is_none() || self.reopen {
            self.open().map_err(|error| failed_to("open", &error))?;
        }
        let line_len = u64::try_from(line_len).unwrap_or(u64::MAX);
        let is_full = |metadata: Metadata| {
            // A device, such as /dev/stdout, must not be renamed.
            let has_content = metadata.is_file() && metadata.len() > 0;
            has_content && metadata.len().saturating_add(line_len) > self.max_bytes
        };
        if self.metadata().is_some_and(is_full) {
            self.rotate().map_err(|error| failed_to("rotate", &error))?;
        }
        Ok(())
    }

    fn open(&mut self) -> io::Result<()> {
        let mut options = OpenOptions::new();
        self.file = Some(options.append(true).create(true).mode(0o600).open(&self.path)?);
        self.reopen = false;
        Ok(())
    }

    fn rotate(&mut self) -> io::Result<()> {
        // If another program has renamed the file, there is nothing to rename.
        if self.is_at_path() {
            self.rename_all()?;
            self.file = None;
        }
        self.open()
    }

    /// Renames the file, and the older ones up to the first unused number. Begins with the oldest: after an error, no
    /// file was overwritten, and a retry does not rename a file a second time.
    fn rename_all(&self) -> io::Result<()> {
        if self.files_kept == 0 {
            return fs::remove_file(&self.path);
        }
        let is_unused = |number: &u32| !numbered(&self.path, *number).exists();
        let last = (1..self.files_kept).find(is_unused).unwrap_or(self.files_kept);
        for number in (1..last).rev() {
            fs::rename(numbered(&self.path, number), numbered(&self.path, number + 1))?;
        }
        fs::rename(&self.path, numbered(&self.path, 1))
    }

    fn is_at_path(&self) -> bool {
        let id = |metadata: Metadata| (metadata.dev(), metadata.ino());
        fs::metadata(&self.path).ok().map(id) == self.metadata().map(id)
    }

    fn metadata(&self) -> Option<Metadata> {
        self.file.as_ref()?.metadata().ok()
    }
}

/// Appends the line. If this fails, removes the part that was written.
fn append(mut file: &File, line: &[u8]) -> io::Result<()> {
    let metadata = file.metadata()?;
    let result = file.write_all(line);
    if result.is_err() && metadata.is_file() {
        // If this fails too, the part stays in the file.
        let _ = file.set_len(metadata.len());
    }
    result
}

fn numbered(path: &Path, number: u32) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(format!(".{number}"));
    name.into()
}

fn failed_to(operation: &str, error: &io::Error) -> String {
    format!("failed to {operation}: {error}")
}

#[cfg(test)]
mod tests;
