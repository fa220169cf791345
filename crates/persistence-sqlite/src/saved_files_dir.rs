//! Saved files in a directory.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use tokio::task::spawn_blocking;
use webchat_domain::UserId;
use webchat_persistence::{SavedFiles, SavedFilesUsage, StoreError};

use crate::private_files;

/// Saved files in a directory, which is created when the first one is saved. Each user has a folder there. Files of
/// older versions are in the directory itself.
#[derive(Clone, Debug)]
pub struct SavedFilesDir(PathBuf);

impl SavedFilesDir {
    /// Uses the directory at this path.
    #[must_use]
    pub fn at(path: PathBuf) -> Self {
        Self(path)
    }

    fn folder_of(&self, user_id: UserId) -> PathBuf {
        self.0.join(user_id.to_string())
    }
}

#[async_trait]
impl SavedFiles for SavedFilesDir {
    async fn save(
        &self,
        user_id: UserId,
        name: &str,
        content: Vec<u8>,
    ) -> Result<bool, StoreError> {
        let folder = self.folder_of(user_id);
        let path =
            join(&folder, name).ok_or_else(|| StoreError::fault("the file name is a path"))?;
        run(move || {
            private_files::create_folder(&folder)?;
            match write_new(&path, &content) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
                written => written.map(|()| true),
            }
        })
        .await
    }

    async fn read(&self, user_id: UserId, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let paths = [join(&self.folder_of(user_id), name), join(&self.0, name)];
        run(move || {
            for path in paths.into_iter().flatten() {
                if let Some(content) = if_exists(fs::read(path))? {
                    return Ok(Some(content));
                }
            }
            Ok(None)
        })
        .await
    }

    async fn usage(&self, user_id: UserId) -> Result<SavedFilesUsage, StoreError> {
        let folder = self.folder_of(user_id);
        run(move || {
            let mut usage = SavedFilesUsage::default();
            for entry in if_exists(fs::read_dir(folder))?.into_iter().flatten() {
                usage.files += 1;
                usage.bytes += entry?.metadata()?.len();
            }
            Ok(usage)
        })
        .await
    }

    async fn delete(&self, user_id: UserId, suffix: &str) -> Result<(), StoreError> {
        let (folder, shared) = (self.folder_of(user_id), self.0.clone());
        let suffix = suffix.to_owned();
        run(move || {
            delete_files(&folder, &suffix)?;
            delete_files(&shared, &suffix)?;
            // Fails if the user has other files.
            let _ = fs::remove_dir(&folder);
            Ok(())
        })
        .await
    }
}

/// Returns `None` for a name that would lead out of the folder.
fn join(folder: &Path, name: &str) -> Option<PathBuf> {
    let is_file_name = Path::new(name).file_name().is_some_and(|file_name| file_name == name);
    is_file_name.then(|| folder.join(name))
}

fn delete_files(folder: &Path, suffix: &str) -> io::Result<()> {
    let has_suffix = |name: &OsStr| name.as_encoded_bytes().ends_with(suffix.as_bytes());
    for entry in if_exists(fs::read_dir(folder))?.into_iter().flatten() {
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

/// Removes the file again if it can't be written completely.
fn write_new(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = private_files::create_new(path)?;
    file.write_all(content).and_then(|()| file.sync_all()).inspect_err(|_| {
        // The write error is reported; one of the removal adds nothing.
        let _ = fs::remove_file(path);
    })
}

async fn run<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, StoreError> {
    spawn_blocking(work).await.map_err(StoreError::fault)?.map_err(StoreError::unavailable)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new_dir() -> (SavedFilesDir, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        (SavedFilesDir::at(folder.path().join("saved")), folder)
    }

    #[tokio::test]
    async fn a_file_is_saved_once_and_read_by_its_user() {
        let ((files, _folder), user_id) = (new_dir(), UserId::generate());

        let none = files.read(user_id, "a.json").await.unwrap();
        let first = files.save(user_id, "a.json", b"first".to_vec()).await.unwrap();
        let second = files.save(user_id, "a.json", b"second".to_vec()).await.unwrap();

        assert_eq!((none, first, second), (None, true, false));
        assert_eq!(files.read(user_id, "a.json").await.unwrap(), Some(b"first".to_vec()));
        assert_eq!(files.read(UserId::generate(), "a.json").await.unwrap(), None);
        let usage = SavedFilesUsage { files: 1, bytes: 5 };
        assert_eq!(files.usage(user_id).await.unwrap(), usage);
    }

    #[tokio::test]
    async fn files_are_deleted_by_their_suffix_also_those_of_older_versions() {
        let ((files, _folder), user_id) = (new_dir(), UserId::generate());
        for name in ["1_a.json", "2_a.json", "3_b.json"] {
            files.save(user_id, name, b"text".to_vec()).await.unwrap();
        }
        fs::write(files.0.join("0_a.json"), "older").unwrap();
        let older = files.read(user_id, "0_a.json").await.unwrap();

        files.delete(user_id, "_a.json").await.unwrap();
        files.delete(UserId::generate(), "_b.json").await.unwrap();

        assert_eq!(older, Some(b"older".to_vec()));
        for name in ["0_a.json", "1_a.json", "2_a.json"] {
            assert_eq!(files.read(user_id, name).await.unwrap(), None, "{name}");
        }
        assert!(files.read(user_id, "3_b.json").await.unwrap().is_some());
        assert_eq!(files.usage(user_id).await.unwrap().files, 1);
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn other_users_of_the_machine_can_not_read_files() {
        use std::os::unix::fs::PermissionsExt;
        let ((files, _folder), user_id) = (new_dir(), UserId::generate());

        files.save(user_id, "a.json", Vec::new()).await.unwrap();

        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let folder = files.folder_of(user_id);
        assert_eq!([mode(&files.0), mode(&folder)], [0o700; 2]);
        assert_eq!(mode(&folder.join("a.json")), 0o600);
    }

    #[tokio::test]
    async fn a_name_that_leads_out_of_the_folder_is_rejected() {
        let ((files, folder), user_id) = (new_dir(), UserId::generate());
        fs::write(folder.path().join("secret"), "x").unwrap();

        for name in ["../secret", "../../secret", "/etc/passwd", "a/b", "..", ".", "", "a/"] {
            assert!(files.save(user_id, name, Vec::new()).await.is_err(), "{name}");
            assert_eq!(files.read(user_id, name).await.unwrap(), None, "{name}");
        }
    }
}
