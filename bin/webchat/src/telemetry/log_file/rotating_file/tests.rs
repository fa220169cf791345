use std::os::unix::fs::{PermissionsExt, symlink};

use tempfile::TempDir;

use super::*;

/// A directory with a log file of at most 10 bytes.
struct LogDir(TempDir);

impl LogDir {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("webchat.log")
    }

    fn log(&self, files_kept: u32) -> RotatingFile {
        RotatingFile::new(self.path(), 10, files_kept)
    }

    /// Returns the names and contents of the files, sorted by name.
    fn files(&self) -> Vec<(String, String)> {
        let entries = fs::read_dir(self.0.path()).unwrap().map(Result::unwrap);
        let mut files: Vec<_> = entries
            .map(|entry| {
                let content = fs::read_to_string(entry.path()).unwrap_or_default();
                (entry.file_name().into_string().unwrap(), content)
            })
            .collect();
        files.sort();
        files
    }

    fn assert_files(&self, expected: &[(&str, &str)]) {
        let files = self.files();
        let files: Vec<_> =
            files.iter().map(|(name, content)| (name.as_str(), content.as_str())).collect();
        assert_eq!(files, expected);
    }
}

#[test]
fn a_full_file_is_renamed_and_the_oldest_one_is_removed() {
    let dir = LogDir::new();
    let mut log = dir.log(2);

    for line in ["line1\n", "line2\n", "3\n", "line4\n", "line5\n"] {
        log.write(line.as_bytes()).unwrap();
    }

    dir.assert_files(&[
        ("webchat.log", "line5\n"),
        ("webchat.log.1", "line4\n"),
        ("webchat.log.2", "line2\n3\n"),
    ]);
}

#[test]
fn files_are_renamed_up_to_the_first_unused_number() {
    let dir = LogDir::new();
    fs::write(dir.path().with_extension("log.2"), "old\n").unwrap();
    let mut log = dir.log(3);

    log.write(b"line1\n").unwrap();
    log.write(b"line2\n").unwrap();

    dir.assert_files(&[
        ("webchat.log", "line2\n"),
        ("webchat.log.1", "line1\n"),
        ("webchat.log.2", "old\n"),
    ]);
}

#[test]
fn without_older_files_a_full_file_is_removed() {
    let dir = LogDir::new();
    let mut log = dir.log(0);

    log.write(b"line1\n").unwrap();
    log.write(b"line2\n").unwrap();

    dir.assert_files(&[("webchat.log", "line2\n")]);
}

#[test]
fn a_line_that_is_longer_than_a_file_is_written_whole() {
    let dir = LogDir::new();
    let mut log = dir.log(3);

    for line in ["more than ten bytes\n", "short\n", "more than ten bytes\n"] {
        log.write(line.as_bytes()).unwrap();
    }

    dir.assert_files(&[
        ("webchat.log", "more than ten bytes\n"),
        ("webchat.log.1", "short\n"),
        ("webchat.log.2", "more than ten bytes\n"),
    ]);
}

#[test]
fn an_existing_file_is_appended_to() {
    let dir = LogDir::new();
    fs::write(dir.path(), "old\n").unwrap();

    let mut log = dir.log(1);
    log.write(b"new\n").unwrap();
    log.write(b"newer\n").unwrap();

    dir.assert_files(&[("webchat.log", "newer\n"), ("webchat.log.1", "old\nnew\n")]);
}

#[test]
fn new_files_are_private() {
    let dir = LogDir::new();
    let mut log = dir.log(1);
    log.write(b"line1\n").unwrap();
    log.write(b"line2\n").unwrap();

    for (name, _) in dir.files() {
        let mode = fs::metadata(dir.0.path().join(&name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[test]
fn a_renamed_file_is_written_until_the_path_is_reopened() {
    let dir = LogDir::new();
    let mut log = dir.log(1);
    log.write(b"1\n").unwrap();
    fs::rename(dir.path(), dir.0.path().join("moved")).unwrap();

    log.write(b"2\n").unwrap();
    log.reopen();
    log.write(b"3\n").unwrap();

    dir.assert_files(&[("moved", "1\n2\n"), ("webchat.log", "3\n")]);
}

#[test]
fn the_file_of_another_program_is_not_renamed() {
    let dir = LogDir::new();
    let mut log = dir.log(1);
    log.write(b"line1\n").unwrap();
    fs::rename(dir.path(), dir.0.path().join("moved")).unwrap();
    fs::write(dir.path(), "2\n").unwrap();

    log.write(b"line3\n").unwrap();

    dir.assert_files(&[("moved", "line1\n"), ("webchat.log", "2\nline3\n")]);
}

#[test]
fn a_deleted_file_is_replaced() {
    let dir = LogDir::new();
    let mut log = dir.log(1);
    log.write(b"1\n").unwrap();
    fs::remove_file(dir.path()).unwrap();

    log.write(b"2\n").unwrap();

    dir.assert_files(&[("webchat.log", "2\n")]);
}

#[test]
fn a_truncated_file_is_appended_to() {
    let dir = LogDir::new();
    let mut log = dir.log(1);
    log.write(b"line1\n").unwrap();
    OpenOptions::new().write(true).truncate(true).open(dir.path()).unwrap();

    log.write(b"line2\n").unwrap();

    dir.assert_files(&[("webchat.log", "line2\n")]);
}

#[test]
fn writing_fails_until_the_missing_directory_exists() {
    let dir = LogDir::new();
    let path = dir.0.path().join("logs/webchat.log");
    let mut log = RotatingFile::new(path.clone(), 10, 1);

    let error = log.write(b"1\n").unwrap_err();
    fs::create_dir(path.parent().unwrap()).unwrap();
    log.write(b"1\n").unwrap();
    fs::remove_dir_all(path.parent().unwrap()).unwrap();
    log.write(b"2\n").unwrap_err();
    fs::create_dir(path.parent().unwrap()).unwrap();
    log.write(b"2\n").unwrap();

    assert_eq!(error, "failed to open: No such file or directory (os error 2)");
    assert_eq!(log.error(), None);
    assert_eq!(fs::read_to_string(path).unwrap(), "2\n");
}

#[test]
fn a_file_that_cannot_be_rotated_is_written_beyond_its_size() {
    let dir = LogDir::new();
    // A directory that is not empty can't be replaced by a file.
    let obstacle = numbered(&dir.path(), 1);
    fs::create_dir_all(obstacle.join("content")).unwrap();
    let mut log = dir.log(1);

    for line in ["line1\n", "line2\n", "line3\n"] {
        log.write(line.as_bytes()).unwrap();
    }
    let error = log.error();
    fs::remove_dir_all(&obstacle).unwrap();
    log.retry_at = None;
    log.write(b"line4\n").unwrap();

    assert!(error.unwrap().starts_with("failed to rotate: "));
    assert_eq!(log.error(), None);
    dir.assert_files(&[("webchat.log", "line4\n"), ("webchat.log.1", "line1\nline2\nline3\n")]);
}

#[test]
fn a_device_is_written_but_not_rotated() {
    let dir = LogDir::new();
    symlink("/dev/null", dir.path()).unwrap();
    let mut log = dir.log(1);

    log.write(b"more than ten bytes\n").unwrap();
    log.write(b"more than ten bytes\n").unwrap();

    dir.assert_files(&[("webchat.log", "")]);
}

#[test]
fn writing_to_a_full_device_returns_the_error() {
    let mut log = RotatingFile::new("/dev/full".into(), 10, 1);

    let error = log.write(b"line1\n").unwrap_err();

    assert_eq!(error, "failed to write: No space left on device (os error 28)");
}
