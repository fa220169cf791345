//! Files and directories that only their owner can read, if the system supports such permissions.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind};
#[cfg(unix)]
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

#[cfg(unix)]
const FILE_MODE: u32 = 0o600;
#[cfg(unix)]
const DIR_MODE: u32 = 0o700;

/// Creates a directory and its parents, unless they exist.
pub(crate) fn create_dir(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    builder.mode(DIR_MODE);
    builder.create(path)
}

/// Creates a file that does not exist yet.
pub(crate) fn create_new(path: &Path) -> io::Result<File> {
    options().write(true).create_new(true).open(path)
}

/// Opens a file for writing, and creates it if it does not exist.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    options().write(true).create(true).truncate(false).open(path)
}

/// Creates a file, and replaces an existing one.
pub(crate) fn create(path: &Path) -> io::Result<File> {
    options().write(true).create(true).truncate(true).open(path)
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    options.mode(FILE_MODE);
    options
}

/// Makes a data directory and Webchat's files in it private: older versions created them readable for all users of the
/// machine. Doesn't change other files, nor a directory that all users share, such as `/tmp`.
///
/// # Errors
/// If the permissions can't be changed, for example because another user owns the directory.
#[cfg(unix)]
pub fn make_private(data_dir: &Path) -> io::Result<()> {
    const SHARED: u32 = 0o1000;
    if fs::metadata(data_dir)?.permissions().mode() & SHARED == 0 {
        set_mode(data_dir, DIR_MODE)?;
    }
    for name in
        ["webchat.db", "webchat.db-wal", "webchat.db-shm", "webchat.lock", "webchat.turns.jsonl"]
    {
        set_mode(&data_dir.join(name), FILE_MODE)?;
    }
    make_dir_private(&data_dir.join("saved_conversations"))
}

/// Does nothing: this system has no such permissions.
///
/// # Errors
/// None.
#[cfg(not(unix))]
pub fn make_private(_data_dir: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(unix)]
fn make_dir_private(dir: &Path) -> io::Result<()> {
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    set_mode(dir, DIR_MODE)?;
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            make_dir_private(&entry.path())?;
        } else if entry.file_type()?.is_file() {
            set_mode(&entry.path(), FILE_MODE)?;
        }
    }
    Ok(())
}

#[cfg(unix)]
fn set_mode(path: &Path, mode: u32) -> io::Result<()> {
    match fs::set_permissions(path, fs::Permissions::from_mode(mode)) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        set => set,
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn existing_files_are_made_private() {
        let dir = tempfile::tempdir().unwrap();
        let saved = dir.path().join("saved_conversations");
        let files = [dir.path().join("webchat.db"), saved.join("a.json")];
        fs::create_dir(&saved).unwrap();
        for path in files.iter().chain([&dir.path().join("other")]) {
            fs::write(path, "").unwrap();
            set_mode(path, 0o644).unwrap();
        }
        set_mode(&saved, 0o755).unwrap();

        make_private(dir.path()).unwrap();

        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!([mode(dir.path()), mode(&saved)], [0o700; 2]);
        assert_eq!(files.map(|path| mode(&path)), [0o600; 2]);
        assert_eq!(mode(&dir.path().join("other")), 0o644);
    }
}
