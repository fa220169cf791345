//! Saved files in a directory.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use futures_util::TryStreamExt;
use futures_util::stream::{self, StreamExt};
use tokio::task::spawn_blocking;
use webchat_domain::UserId;
use webchat_persistence::{
    FileContent, SaveOutcome, SavedFile, SavedFiles, SavedFilesUsage, StoreError,
};

use crate::private_files;

/// The size of the chunks of a file that is read.
const CHUNK_BYTES: usize = 32 * 1024;

/// Saved files in a directory, which is created when the first file is saved. Each user has a subdirectory. Files of
/// older versions are in the directory itself.
#[derive(Clone, Debug)]
pub struct SavedFilesDir(PathBuf);

impl SavedFilesDir {
    /// Uses the directory at this path.
    #[must_use]
    pub fn at(path: PathBuf) -> Self {
        Self(path)
    }

    fn dir_of(&self, user_id: UserId) -> PathBuf {
        self.0.join(user_id.to_string())
    }
}

#[async_trait]
impl SavedFiles for SavedFilesDir {
    async fn save(
        &self,
        user_id: UserId,
        name: &str,
        max_bytes: u64,
        mut content: FileContent,
    ) -> Result<SaveOutcome, StoreError> {
        let dir = self.dir_of(user_id);
        let path = join(&dir, name).ok_or_else(|| StoreError::fault("the file name is a path"))?;
        let Some(mut file) = run(move || NewFile::create(&dir, path)).await? else {
            return Ok(SaveOutcome::NameTaken);
        };
        let mut remaining = max_bytes;
        while let Some(chunk) = content.try_next().await? {
            let bytes = u64::try_from(chunk.len()).unwrap_or(u64::MAX);
            let Some(rest) = remaining.checked_sub(bytes) else { return Ok(SaveOutcome::TooLarge) };
            remaining = rest;
            file = run(move || file.write(&chunk)).await?;
        }
        run(move || file.finish()).await?;
        Ok(SaveOutcome::Saved)
    }

    async fn read(&self, user_id: UserId, name: &str) -> Result<Option<SavedFile>, StoreError> {
        let paths = [join(&self.dir_of(user_id), name), join(&self.0, name)];
        run(move || {
            for path in paths.into_iter().flatten() {
                if let Some(file) = if_exists(File::open(path))? {
                    let bytes = file.metadata()?.len();
                    return Ok(Some(SavedFile { bytes, content: chunks_of(file) }));
                }
            }
            Ok(None)
        })
        .await
    }

    async fn usage(&self, user_id: UserId) -> Result<SavedFilesUsage, StoreError> {
        let dir = self.dir_of(user_id);
        run(move || usage_of(&dir)).await
    }

    async fn stored_bytes(&self) -> Result<u64, StoreError> {
        let shared = self.0.clone();
        run(move || {
            let mut bytes = usage_of(&shared)?.bytes;
            for entry in if_exists(fs::read_dir(shared))?.into_iter().flatten() {
                let entry = entry?;
                if entry.file_type()?.is_dir() {
                    bytes += usage_of(&entry.path())?.bytes;
                }
            }
            Ok(bytes)
        })
        .await
    }

    async fn delete(&self, user_id: UserId, suffix: &str) -> Result<(), StoreError> {
        let (dir, shared) = (self.dir_of(user_id), self.0.clone());
        let suffix = suffix.to_owned();
        run(move || {
            delete_files(&dir, &suffix)?;
            delete_files(&shared, &suffix)?;
            // Fails if the user has other files.
            let _ = fs::remove_dir(&dir);
            Ok(())
        })
        .await
    }

    async fn delete_all(&self, user_id: UserId) -> Result<(), StoreError> {
        let dir = self.dir_of(user_id);
        run(move || if_exists(fs::remove_dir_all(dir)).map(drop)).await
    }
}

/// Returns the path of a file. Returns `None` for a name that refers to a path outside of the directory.
fn join(dir: &Path, name: &str) -> Option<PathBuf> {
    let is_file_name = Path::new(name).file_name().is_some_and(|file_name| file_name == name);
    is_file_name.then(|| dir.join(name))
}

/// Counts the files in a directory, except those that are deleted in the meantime.
fn usage_of(dir: &Path) -> io::Result<SavedFilesUsage> {
    let mut usage = SavedFilesUsage::default();
    for entry in if_exists(fs::read_dir(dir))?.into_iter().flatten() {
        let metadata = if_exists(entry?.metadata())?;
        if let Some(file) = metadata.filter(fs::Metadata::is_file) {
            usage.files += 1;
            usage.bytes += file.len();
        }
    }
    Ok(usage)
}

fn delete_files(dir: &Path, suffix: &str) -> io::Result<()> {
    let has_suffix = |name: &OsStr| name.as_encoded_bytes().ends_with(suffix.as_bytes());
    for entry in if_exists(fs::read_dir(dir))?.into_iter().flatten() {
        let entry = entry?;
        if has_suffix(&entry.file_name()) {
            if_exists(fs::remove_file(entry.path()))?;
        }
    }
    Ok(())
}

fn if_exists<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        result => result.map(Some),
    }
}

/// A file that is being written. Dropping it before it is complete removes the file.
struct NewFile {
    file: File,
    path: PathBuf,
    is_complete: bool,
}

impl NewFile {
    /// Creates a file. Returns `None` if there is a file at this path.
    fn create(dir: &Path, path: PathBuf) -> io::Result<Option<Self>> {
        private_files::create_dir(dir)?;
        match private_files::create_new(&path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(None),
            created => created.map(|file| Some(Self { file, path, is_complete: false })),
        }
    }

    fn write(mut self, chunk: &[u8]) -> io::Result<Self> {
        self.file.write_all(chunk)?;
        Ok(self)
    }

    fn finish(mut self) -> io::Result<()> {
        self.file.sync_all()?;
        self.is_complete = true;
        Ok(())
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if !self.is_complete {
            // The first error is reported; an error of the removal adds nothing.
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn chunks_of(file: File) -> FileContent {
    let chunks = stream::try_unfold(file, |mut file| {
        run(move || {
            let mut chunk = vec![0; CHUNK_BYTES];
            let bytes = file.read(&mut chunk)?;
            chunk.truncate(bytes);
            Ok((bytes > 0).then_some((chunk, file)))
        })
    });
    chunks.boxed()
}

async fn run<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, StoreError> {
    spawn_blocking(work).await.map_err(StoreError::fault)?.map_err(StoreError::unavailable)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX_BYTES: u64 = 100_000;

    fn content(text: &str) -> FileContent {
        let chunks: Vec<_> = text.as_bytes().chunks(1_000).map(|chunk| Ok(chunk.into())).collect();
        stream::iter(chunks).boxed()
    }

    async fn save(files: &SavedFilesDir, user_id: UserId, name: &str, text: &str) -> SaveOutcome {
        files.save(user_id, name, MAX_BYTES, content(text)).await.unwrap()
    }

    async fn read(files: &SavedFilesDir, user_id: UserId, name: &str) -> Option<String> {
        let SavedFile { bytes, content } = files.read(user_id, name).await.unwrap()?;
        let content = content.try_concat().await.unwrap();
        assert_eq!(u64::try_from(content.len()), Ok(bytes));
        Some(String::from_utf8(content).unwrap())
    }

    fn new_dir() -> (SavedFilesDir, tempfile::TempDir) {
        let dir = tempfile::tempdir().unwrap();
        (SavedFilesDir::at(dir.path().join("saved")), dir)
    }

    #[tokio::test]
    async fn a_file_is_saved_once_and_read_by_its_user() {
        let ((files, _dir), user_id) = (new_dir(), UserId::generate());

        let long = "long ".repeat(19_999);

        let none = read(&files, user_id, "a.json").await;
        let first = save(&files, user_id, "a.json", &long).await;
        let second = save(&files, user_id, "a.json", "second").await;

        assert_eq!((none, first, second), (None, SaveOutcome::Saved, SaveOutcome::NameTaken));
        assert_eq!(read(&files, user_id, "a.json").await.as_ref(), Some(&long));
        assert_eq!(read(&files, UserId::generate(), "a.json").await, None);
        let usage = SavedFilesUsage { files: 1, bytes: 5 * 19_999 };
        assert_eq!(files.usage(user_id).await.unwrap(), usage);
    }

    #[tokio::test]
    async fn a_too_large_or_incomplete_file_is_removed() {
        let ((files, _dir), user_id) = (new_dir(), UserId::generate());
        let failing = content("text").chain(stream::iter([Err(StoreError::fault("lost"))])).boxed();

        let too_large = save(&files, user_id, "a.json", &"x".repeat(100_001)).await;
        let incomplete = files.save(user_id, "b.json", MAX_BYTES, failing).await;
        let endless = content("text").chain(stream::pending()).boxed();
        let saving = files.save(user_id, "c.json", MAX_BYTES, endless);
        let cancelled = tokio::time::timeout(std::time::Duration::from_millis(50), saving).await;

        assert_eq!(too_large, SaveOutcome::TooLarge);
        assert!(incomplete.is_err() && cancelled.is_err());
        assert_eq!(files.usage(user_id).await.unwrap(), SavedFilesUsage::default());
    }

    #[tokio::test]
    async fn files_are_deleted_by_suffix_including_those_of_older_versions() {
        let ((files, _dir), user_id) = (new_dir(), UserId::generate());
        for name in ["1_a.json", "2_a.json", "3_b.json"] {
            save(&files, user_id, name, "text").await;
        }
        fs::write(files.0.join("0_a.json"), "older").unwrap();
        let older = read(&files, user_id, "0_a.json").await;

        files.delete(user_id, "_a.json").await.unwrap();
        files.delete(UserId::generate(), "_b.json").await.unwrap();

        assert_eq!(older.as_deref(), Some("older"));
        for name in ["0_a.json", "1_a.json", "2_a.json"] {
            assert_eq!(read(&files, user_id, name).await, None, "{name}");
        }
        assert!(read(&files, user_id, "3_b.json").await.is_some());
        assert_eq!(files.usage(user_id).await.unwrap().files, 1);
    }

    #[tokio::test]
    async fn stored_bytes_include_the_files_of_all_users() {
        let (files, _dir) = new_dir();
        let before = files.stored_bytes().await.unwrap();

        for name in ["a.json", "b.json"] {
            save(&files, UserId::generate(), name, "text").await;
        }
        fs::write(files.0.join("0_a.json"), "older").unwrap();

        assert_eq!((before, files.stored_bytes().await.unwrap()), (0, 4 + 4 + 5));
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn other_users_of_the_machine_cannot_read_files() {
        use std::os::unix::fs::PermissionsExt;
        let ((files, _dir), user_id) = (new_dir(), UserId::generate());

        save(&files, user_id, "a.json", "").await;

        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let dir = files.dir_of(user_id);
        assert_eq!([mode(&files.0), mode(&dir)], [0o700; 2]);
        assert_eq!(mode(&dir.join("a.json")), 0o600);
    }

    #[tokio::test]
    async fn a_name_that_refers_to_another_directory_is_rejected() {
        let ((files, dir), user_id) = (new_dir(), UserId::generate());
        fs::write(dir.path().join("secret"), "x").unwrap();

        for name in ["../secret", "../../secret", "/etc/passwd", "a/b", "..", ".", "", "a/"] {
            let saved = files.save(user_id, name, MAX_BYTES, content("text")).await;
            assert!(saved.is_err(), "{name}");
            assert_eq!(read(&files, user_id, name).await, None, "{name}");
        }
    }
}
