use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use tokio::task::spawn_blocking;
use webchat_persistence::{SavedFiles, StoreError};

/// Saved files in a folder, which is made when the first one is saved.
#[derive(Clone, Debug)]
pub struct SavedFolder(PathBuf);

impl SavedFolder {
    /// In this folder.
    #[must_use]
    pub fn at(path: PathBuf) -> Self {
        Self(path)
    }

    /// The place of a file: a name that leads elsewhere has none.
    fn place(&self, name: &str) -> Option<PathBuf> {
        let is_bare = Path::new(name).file_name().is_some_and(|bare| bare == name);
        is_bare.then(|| self.0.join(name))
    }
}

#[async_trait]
impl SavedFiles for SavedFolder {
    async fn save(&self, name: &str, content: Vec<u8>) -> Result<bool, StoreError> {
        let place = self.place(name).ok_or_else(|| StoreError::fault("a file's name is a path"))?;
        run(move || {
            if let Some(folder) = place.parent() {
                fs::create_dir_all(folder)?;
            }
            match write_new(&place, &content) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
                written => written.map(|()| true),
            }
        })
        .await
    }

    async fn read(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(place) = self.place(name) else { return Ok(None) };
        run(move || match fs::read(place) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            read => read.map(Some),
        })
        .await
    }
}

/// A file that is not whole does not stay.
fn write_new(place: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = File::create_new(place)?;
    file.write_all(content).and_then(|()| file.sync_all()).inspect_err(|_| {
        // What can't be removed either is reported by the error itself.
        let _ = fs::remove_file(place);
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
        let files = SavedFolder::at(folder.path().join("saved"));

        let none = files.read("a.json").await.unwrap();
        let first = files.save("a.json", b"first".to_vec()).await.unwrap();
        let second = files.save("a.json", b"second".to_vec()).await.unwrap();

        assert_eq!((none, first, second), (None, true, false));
        assert_eq!(files.read("a.json").await.unwrap(), Some(b"first".to_vec()));
    }

    #[tokio::test]
    async fn a_name_that_leads_elsewhere_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("secret"), "x").unwrap();
        let files = SavedFolder::at(folder.path().join("saved"));

        for name in ["../secret", "/etc/passwd", "a/b", "..", ".", "", "a/"] {
            assert!(files.save(name, Vec::new()).await.is_err(), "{name}");
            assert_eq!(files.read(name).await.unwrap(), None, "{name}");
        }
    }
}
