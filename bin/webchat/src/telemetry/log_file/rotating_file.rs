//! A file that is renamed when it is full, and replaced by a new one.

use std::ffi::OsString;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::queue::RETRY_INTERVAL;

/// A file with at most `max_bytes`, and up to `kept` older ones: `webchat.log.1` is the newest of them.
pub(super) struct RotatingFile {
    path: PathBuf,
    max_bytes: u64,
    kept: u32,
    file: Option<File>,
    reopen: bool,
    problem: Option<String>,
    /// When to try again what failed although lines can be written.
    retry_at: Option<Instant>,
}

impl RotatingFile {
    /// The first write opens the file.
    pub(super) fn new(path: PathBuf, max_bytes: u64, kept: u32) -> Self {
        Self { path, max_bytes, kept, file: None, reopen: false, problem: None, retry_at: None }
    }

    /// Has the next write open the path again, for programs that rename the file.
    pub(super) fn reopen(&mut self) {
        self.reopen = true;
        self.retry_at = None;
    }

    /// Why the file can't be reopened or rotated, although it can be written.
    pub(super) fn problem(&self) -> Option<String> {
        self.problem.clone()
    }

    /// Appends a line as a whole, or not at all. An empty one only opens the file if necessary.
    ///
    /// # Errors
    /// What failed.
    pub(super) fn write(&mut self, line: &[u8]) -> Result<(), String> {
        self.open_or_rotate(line.len());
        let Some(file) = &self.file else { return Err(self.problem().unwrap_or_default()) };
        append(file, line).map_err(|error| {
            // After some errors, such as a stale file of NFS, only a new file can be written.
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
        self.problem = self.try_open_or_rotate(line_len).err();
        self.retry_at = self.problem.as_ref().map(|_| Instant::now() + RETRY_INTERVAL);
    }

    fn try_open_or_rotate(&mut self, line_len: usize) -> Result<(), String> {
        if self.file.is_none() || self.reopen {
            self.open().map_err(|error| failed_to("open", &error))?;
        }
        let line_len = u64::try_from(line_len).unwrap_or(u64::MAX);
        let is_full = |metadata: Metadata| {
            // A device, such as /dev/stdout, must not be renamed.
            let is_used = metadata.is_file() && metadata.len() > 0;
            is_used && metadata.len().saturating_add(line_len) > self.max_bytes
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

    /// Renames the file, and the older ones up to the first unused number. Begins with the oldest, so an error leaves no
    /// two files with one name, and moves nothing again when it is tried again.
    fn rename_all(&self) -> io::Result<()> {
        if self.kept == 0 {
            return fs::remove_file(&self.path);
        }
        let is_unused = |number: &u32| !numbered(&self.path, *number).exists();
        let last = (1..self.kept).find(is_unused).unwrap_or(self.kept);
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

/// Appends the line. Removes a part of it that was written before an error.
fn append(mut file: &File, line: &[u8]) -> io::Result<()> {
    let metadata = file.metadata()?;
    let result = file.write_all(line);
    if result.is_err() && metadata.is_file() {
        // If this fails too, the file keeps the part.
        let _ = file.set_len(metadata.len());
    }
    result
}

fn numbered(path: &Path, number: u32) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(format!(".{number}"));
    name.into()
}

fn failed_to(what: &str, error: &io::Error) -> String {
    format!("failed to {what}: {error}")
}

#[cfg(test)]
mod tests;
