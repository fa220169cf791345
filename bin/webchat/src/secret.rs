use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;

/// The file in `DATA_DIR` that keeps a secret key of our making.
const FILE: &str = "secret_key";

/// Why there is no secret key.
#[derive(Debug, Error)]
#[error(
    "can't keep a secret key in {}: {cause}; make the folder writable, or set SECRET_KEY",
    .path.display()
)]
pub struct SecretError {
    path: PathBuf,
    cause: io::Error,
}

/// The key that was given; else the one that was made before; else a new one, kept for the next time,
/// so that sessions outlive a restart.
pub(crate) fn secret_key(
    given: Option<&SecretString>,
    data_dir: &Path,
) -> Result<Vec<u8>, SecretError> {
    if let Some(given) = given {
        return Ok(given.expose_secret().as_bytes().to_vec());
    }
    let path = data_dir.join(FILE);
    kept_or_new(&path).map_err(|cause| SecretError { path, cause })
}

fn kept_or_new(path: &Path) -> io::Result<Vec<u8>> {
    let mut key = [0; 64];
    getrandom::fill(&mut key).map_err(io::Error::other)?;
    // Only its owner may read it, from the first moment on.
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(mut file) => {
            file.write_all(&key)?;
            file.sync_all()?;
            Ok(key.to_vec())
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => kept(path),
        Err(error) => Err(error),
    }
}

fn kept(path: &Path) -> io::Result<Vec<u8>> {
    let key = fs::read(path)?;
    if key.len() < 64 {
        return Err(io::Error::other("the file is cut short: remove it"));
    }
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_and_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();

        let first = secret_key(None, folder.path()).unwrap();
        let again = secret_key(None, folder.path()).unwrap();

        assert_eq!(first, again);
        assert_ne!(first, [0; 64]);
        let mode = fs::metadata(folder.path().join(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_key_that_is_given_is_used_and_not_written() {
        let folder = tempfile::tempdir().unwrap();

        let key = secret_key(Some(&"given".into()), folder.path()).unwrap();

        assert_eq!(key, b"given");
        assert!(!folder.path().join(FILE).exists());
    }
}
