//! The secret key of the session cookies.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;

/// The name of the file in `DATA_DIR` that contains the generated secret key.
const FILE_NAME: &str = "secret_key";

/// The length of a generated key, in bytes.
const KEY_BYTES: usize = 64;

/// The secret key can't be loaded or created.
#[derive(Debug, Error)]
pub enum SecretError {
    /// The file can't be read.
    #[error(
        "can't read the secret key in {}: {cause}; make the file readable, or set SECRET_KEY",
        .path.display()
    )]
    Unreadable {
        /// The path of the file.
        path: PathBuf,
        /// The cause.
        cause: io::Error,
    },
    /// The file is shorter than a key.
    #[error(
        "the secret key in {} is truncated; remove the file to create a new key, which ends all sessions, \
         or set SECRET_KEY",
        .path.display()
    )]
    Truncated {
        /// The path of the file.
        path: PathBuf,
    },
    /// A new key can't be stored.
    #[error(
        "can't store a secret key in {}: {cause}; make the directory writable, or set SECRET_KEY",
        .path.display()
    )]
    NotStored {
        /// The path of the file.
        path: PathBuf,
        /// The cause.
        cause: io::Error,
    },
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
    if let Some(key) = load(&path)? {
        return Ok(key);
    }
    if let Err(cause) = create(&path, data_dir) {
        return Err(SecretError::NotStored { path, cause });
    }
    // Load the key in any case: another instance may have stored one first.
    load(&path)?
        .ok_or_else(|| SecretError::Unreadable { path, cause: io::ErrorKind::NotFound.into() })
}

/// Returns `None` if there is no file.
fn load(path: &Path) -> Result<Option<Vec<u8>>, SecretError> {
    match fs::read(path) {
        Ok(key) if key.len() >= KEY_BYTES => Ok(Some(key)),
        Ok(_) => Err(SecretError::Truncated { path: path.to_owned() }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(SecretError::Unreadable { path: path.to_owned(), cause }),
    }
}

/// Stores a new key, unless there is one. The file appears with its full contents: a crash or a full disk leaves no
/// truncated file, and another instance reads none.
fn create(path: &Path, data_dir: &Path) -> io::Result<()> {
    let suffix = getrandom::u64().map_err(io::Error::other)?;
    let temporary = data_dir.join(format!("{FILE_NAME}.{suffix:016x}.tmp"));
    let created = write_key(&temporary).and_then(|()| link(&temporary, path));
    let removed = fs::remove_file(&temporary);
    created?;
    removed?;
    File::open(data_dir)?.sync_all()
}

fn write_key(path: &Path) -> io::Result<()> {
    let mut key = [0; KEY_BYTES];
    getrandom::fill(&mut key).map_err(io::Error::other)?;
    // Create the file with its mode, so that it is never readable by others.
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(&key)?;
    file.sync_all()
}

/// Links the file to `path`, unless that exists. Without support for hard links, for example on a network share, writes
/// the key directly.
fn link(temporary: &Path, path: &Path) -> io::Result<()> {
    let linked = fs::hard_link(temporary, path).or_else(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => Err(error),
        _ => write_key(path),
    });
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Barrier;
    use std::thread;

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

    #[test]
    fn instances_that_start_at_the_same_time_use_the_same_key() {
        const INSTANCES: usize = 8;
        for _ in 0..50 {
            let dir = tempfile::tempdir().unwrap();
            let barrier = Barrier::new(INSTANCES);
            let start = || {
                barrier.wait();
                secret_key(None, dir.path()).unwrap()
            };

            let keys: BTreeSet<Vec<u8>> = thread::scope(|scope| {
                let instances = [(); INSTANCES].map(|()| scope.spawn(start));
                instances.map(|instance| instance.join().unwrap()).into()
            });

            assert_eq!(keys.len(), 1);
            let files = fs::read_dir(dir.path()).unwrap();
            let names: Vec<_> = files.map(|file| file.unwrap().file_name()).collect();
            assert_eq!(names, [FILE_NAME]);
        }
    }

    #[test]
    fn without_hard_links_a_key_is_written_directly_and_never_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE_NAME);
        // Linking a missing file fails, too.
        let missing = dir.path().join("missing");

        link(&missing, &path).unwrap();
        let key = fs::read(&path).unwrap();
        link(&missing, &path).unwrap();

        assert_eq!(key.len(), KEY_BYTES);
        assert_eq!(fs::read(&path).unwrap(), key);
    }

    #[test]
    fn each_error_contains_advice_for_its_cause() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE_NAME);

        let not_stored = secret_key(None, &dir.path().join("missing")).unwrap_err();
        fs::write(&path, [1; KEY_BYTES - 1]).unwrap();
        let truncated = secret_key(None, dir.path()).unwrap_err();
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        let unreadable = secret_key(None, dir.path()).unwrap_err();

        for (error, advice) in [
            (not_stored, "make the directory writable"),
            (truncated, "remove the file"),
            (unreadable, "make the file readable"),
        ] {
            let text = error.to_string();
            assert!(text.contains(advice) && text.ends_with("or set SECRET_KEY"), "{text}");
        }
    }
}
