//! The built web client: in the binary, or in a directory.

use std::borrow::Cow;
use std::fs;
use std::path::PathBuf;

use thiserror::Error;

use super::embedded;

/// The built web client.
#[derive(Clone, Debug)]
pub struct WebClient(pub(super) Source);

/// The location of the built files.
#[derive(Clone, Debug)]
pub(super) enum Source {
    /// In the binary.
    Embedded,
    /// In a directory.
    Directory(PathBuf),
}

/// The reason why there is no web client to serve.
#[derive(Debug, Error)]
pub enum WebClientError {
    /// The page was not built before the binary.
    #[error(
        "this binary was built without the page: build both with `make build`, or set WEB_DIR to the \
         directory of the built page"
    )]
    NotEmbedded,
    /// The directory contains no page or an incomplete one.
    #[error(
        "WEB_DIR: {dir} has no {file}: set it to the directory of the built page, or unset it to serve \
         the page of the binary"
    )]
    Incomplete {
        /// The directory.
        dir: String,
        /// The missing file.
        file: String,
    },
}

impl WebClient {
    /// Opens the page in `dir`, or the one that is embedded in the binary.
    ///
    /// # Errors
    /// [`WebClientError`] if `index.html` or an asset that it loads is missing.
    pub fn open(dir: Option<PathBuf>) -> Result<Self, WebClientError> {
        let source = dir.map_or(Source::Embedded, Source::Directory);
        match source.missing_file() {
            None => Ok(Self(source)),
            Some(file) => Err(match source {
                Source::Embedded => WebClientError::NotEmbedded,
                Source::Directory(dir) => {
                    WebClientError::Incomplete { dir: dir.display().to_string(), file }
                }
            }),
        }
    }
}

impl Source {
    /// Returns the first missing file that the page needs to start.
    fn missing_file(&self) -> Option<String> {
        let Some(index) = self.read("index.html") else { return Some("index.html".to_owned()) };
        let index = String::from_utf8_lossy(&index);
        let assets = index.split("\"./assets/").skip(1).filter_map(|rest| rest.split('"').next());
        let mut assets = assets.map(|asset| format!("assets/{asset}"));
        assets.find(|asset| self.read(asset).is_none())
    }

    pub(super) fn read(&self, path: &str) -> Option<Cow<'static, [u8]>> {
        match self {
            Self::Embedded => embedded::read(path),
            Self::Directory(dir) => fs::read(dir.join(path)).ok().map(Cow::Owned),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dir_without_a_complete_page_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let open =
            || WebClient::open(Some(dir.path().to_owned())).map_err(|error| error.to_string());

        let empty = open().unwrap_err();
        let index = "<script type=\"module\" src=\"./assets/index-1.js\"></script>";
        fs::write(dir.path().join("index.html"), index).unwrap();
        let without_asset = open().unwrap_err();
        fs::create_dir(dir.path().join("assets")).unwrap();
        fs::write(dir.path().join("assets/index-1.js"), "").unwrap();

        assert!(empty.contains("has no index.html"), "{empty}");
        assert!(without_asset.contains("has no assets/index-1.js"), "{without_asset}");
        assert!(open().is_ok());
    }
}
