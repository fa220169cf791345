//! The secret key of the session cookies.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;

/// The name of the file in `DATA_DIR` that contains the generated secret key.
const FILE_NAME: &str = "secret_key";

/// The secret key can't be loaded or created.
#[derive(Debug, Error)]
#[error(
    "can't load or create the secret key in {}: {cause}; make the directory writable, or set SECRET_KEY",
    .path.display()
)]
pub struct SecretError {
    path: PathBuf,
    cause: io::Error,
}

/// Returns the configured key. Without one, returns the stored key, or generates and stores a new one, so that
/// sessions survive a restart.
pub(crate) fn secret_key(
    configured: Option<&SecretString>,
    data_dir: &Path,
) -> Result<Vec<u8>, SecretError> {
    if let Some(key) = configured {
        return Ok(key.expose_secret().as_bytes().to_vec());
    }
    let path = data_dir.join(FILE_NAME);
    load_or_create(&path).map_err(|cause| SecretError { path, cause })
}

fn load_or_create(path: &Path) -> io::Result<Vec<u8>> {
    let mut key = [0; 64];
    getrandom::fill(&mut key).map_err(io::Error::other)?;
    // Create the file with its mode, so that it is never readable by others.
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(mut file) => {
            file.write_all(&key)?;
            file.sync_all()?;
            Ok(key.to_vec())
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => load(path),
        Err(error) => Err(error),
    }
}

fn load(path: &Path) -> io::Result<Vec<u8>> {
    let key = fs::read(path)?;
    if key.len() < 64 {
        return Err(io::Error::other("the file is truncated: remove it"));
    }
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_created_once_and_readable_only_by_its_owner() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();

        let first = secret_key(None, dir.path()).unwrap();
        let second = secret_key(None, dir.path()).unwrap();

        assert_eq!(first, second);
        assert_ne!(first, [0; 64]);
        let mode = fs::metadata(dir.path().join(FILE_NAME)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_configured_key_is_used_and_not_stored() {
        let dir = tempfile::tempdir().unwrap();

        let key = secret_key(Some(&"configured".into()), dir.path()).unwrap();

        assert_eq!(key, b"configured");
        assert!(!dir.path().join(FILE_NAME).exists());
    }
}
