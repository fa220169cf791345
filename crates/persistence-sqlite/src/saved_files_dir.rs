//! Saved files in a directory.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use tokio::task::spawn_blocking;
use webchat_persistence::{SavedFiles, StoreError};

/// Saved files in a directory, which is created when the first one is saved.
#[derive(Clone, Debug)]
pub struct SavedFilesDir(PathBuf);

impl SavedFilesDir {
    /// Uses the directory at this path.
    #[must_use]
    pub fn at(path: PathBuf) -> Self {
        Self(path)
    }

    /// Returns `None` for a name that would lead out of the directory.
    fn path_of(&self, name: &str) -> Option<PathBuf> {
        let is_file_name = Path::new(name).file_name().is_some_and(|file_name| file_name == name);
        is_file_name.then(|| self.0.join(name))
    }
}

#[async_trait]
impl SavedFiles for SavedFilesDir {
    async fn save(&self, name: &str, content: Vec<u8>) -> Result<bool, StoreError> {
        let path =
            self.path_of(name).ok_or_else(|| StoreError::fault("the file name is a path"))?;
        run(move || {
            if let Some(dir) = path.parent() {
                fs::create_dir_all(dir)?;
            }
            match write_new(&path, &content) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
                written => written.map(|()| true),
            }
        })
        .await
    }

    async fn read(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(path) = self.path_of(name) else { return Ok(None) };
        run(move || match fs::read(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            read => read.map(Some),
        })
        .await
    }
}

/// Removes the file again if it can't be written completely.
fn write_new(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = File::create_new(path)?;
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

    #[tokio::test]
    async fn a_file_is_saved_once_and_read() {
        let folder = tempfile::tempdir().unwrap();
        let files = SavedFilesDir::at(folder.path().join("saved"));

        let none = files.read("a.json").await.unwrap();
        let first = files.save("a.json", b"first".to_vec()).await.unwrap();
        let second = files.save("a.json", b"second".to_vec()).await.unwrap();

        assert_eq!((none, first, second), (None, true, false));
        assert_eq!(files.read("a.json").await.unwrap(), Some(b"first".to_vec()));
    }

    #[tokio::test]
    async fn a_name_that_leads_out_of_the_directory_is_rejected() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("secret"), "x").unwrap();
        let files = SavedFilesDir::at(folder.path().join("saved"));

        for name in ["../secret", "/etc/passwd", "a/b", "..", ".", "", "a/"] {
            assert!(files.save(name, Vec::new()).await.is_err(), "{name}");
            assert_eq!(files.read(name).await.unwrap(), None, "{name}");
        }
    }
}
