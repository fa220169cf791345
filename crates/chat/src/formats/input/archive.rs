//! Finds the conversations in a ZIP archive, as ChatGPT and Claude send it. Names of entries never become paths.

use std::io::{self, ErrorKind, Read, Seek};

use thiserror::Error;
use zip::read::Config;
use zip::result::ZipError;
use zip::unstable::read::ZipIterable;
use zip::{CompressionMethod, ZipArchive};

use super::signature::WHAT_TO_UPLOAD;

/// The maximum number of entries, because their names are held in memory.
const MAX_ENTRIES: usize = 20_000;

/// The reason why an archive can't be read. The text is for the user.
#[derive(Debug, Error)]
pub(in crate::formats) enum ArchiveError {
    #[error("{0}")]
    Invalid(String),
    #[error("failed to read the archive")]
    Io(#[source] io::Error),
}

/// A ZIP archive with the paths and indexes of its documents.
pub(in crate::formats) struct Archive<F> {
    zip: ZipArchive<F>,
    documents: Vec<(String, usize)>,
}

/// The error for an archive whose documents exceed the size limit of an import.
#[derive(Debug, Error)]
#[error("the archive unpacks to more than the maximum size of an import")]
pub(in crate::formats) struct ArchiveTooLarge;

impl<F: Read + Seek> Archive<F> {
    pub(in crate::formats) fn open(mut file: F) -> Result<Self, ArchiveError> {
        let entries = ZipIterable::try_new(&mut file, Config::default()).map_err(into_error)?.len();
        if entries > MAX_ENTRIES {
            return Err(invalid(format!("the archive has more than {MAX_ENTRIES} files")));
        }
        let mut zip = ZipArchive::new(file).map_err(into_error)?;
        let documents = find_documents(&mut zip)?;
        Ok(Self { zip, documents })
    }

    pub(in crate::formats) fn len(&self) -> usize {
        self.documents.len()
    }

    /// Returns the path of a document in the archive.
    pub(in crate::formats) fn path(&self, number: usize) -> String {
        self.documents.get(number).map(|(path, _)| path.clone()).unwrap_or_default()
    }

    /// Returns a document. `remaining` is the number of bytes that the documents may still have; it is reduced while
    /// the document is read, and reading beyond it fails with [`ArchiveTooLarge`].
    pub(in crate::formats) fn document<'a>(
        &'a mut self,
        number: usize,
        remaining: &'a mut u64,
    ) -> Result<impl Read + 'a, ArchiveError> {
        let index = self.documents.get(number).map_or(usize::MAX, |(_, index)| *index);
        let raw = self.zip.by_index_raw(index).map_err(into_error)?;
        if raw.encrypted() {
            return Err(into_error(ZipError::InvalidPassword));
        }
        if !matches!(raw.compression(), CompressionMethod::Stored | CompressionMethod::Deflated) {
            return Err(into_error(ZipError::UnsupportedArchive("compression")));
        }
        drop(raw);
        let entry = self.zip.by_index(index).map_err(into_error)?;
        Ok(Limited { entry, remaining })
    }
}

struct Limited<'a, R> {
    entry: R,
    remaining: &'a mut u64,
}

impl<R: Read> Read for Limited<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let bytes = match self.entry.read(buffer) {
            Ok(bytes) => bytes,
            // The rest of a damaged entry can't be unpacked: it ends here, as if the file broke off.
            Err(error) if is_damage(&error) => 0,
            Err(error) => return Err(error),
        };
        let read = u64::try_from(bytes).unwrap_or(u64::MAX);
        match self.remaining.checked_sub(read) {
            Some(remaining) => *self.remaining = remaining,
            None => return Err(io::Error::new(ErrorKind::FileTooLarge, ArchiveTooLarge)),
        }
        Ok(bytes)
    }
}

fn is_damage(error: &io::Error) -> bool {
    let kinds = [ErrorKind::InvalidData, ErrorKind::InvalidInput, ErrorKind::UnexpectedEof];
    kinds.contains(&error.kind()) || error.raw_os_error().is_none()
}

/// Returns the paths and indexes of the conversations' files, ordered by path. Other JSON files count only if no file is
/// called `conversations.json` or `conversations-000.json`.
fn find_documents<F: Read + Seek>(
    zip: &mut ZipArchive<F>,
) -> Result<Vec<(String, usize)>, ArchiveError> {
    let (mut named, mut others) = (Vec::new(), Vec::new());
    let mut has_archive = false;
    for index in 0..zip.len() {
        let Some(Ok(name)) = zip.name_for_index(index) else { continue };
        let path = name.to_lowercase();
        let base = path.rsplit(['/', '\\']).next().unwrap_or_default().to_owned();
        has_archive |= base.strip_suffix(".zip").is_some();
        let stem = base.strip_suffix(".json").or_else(|| base.strip_suffix(".jsonl"));
        let Some(stem) = stem else { continue };
        if path.contains("__macosx/") || base.starts_with("._") {
            continue;
        }
        if is_conversations(stem) {
            named.push((path, index));
        } else {
            others.push((path, index));
        }
    }
    let mut documents = if named.is_empty() { others } else { named };
    if documents.is_empty() {
        return Err(invalid(if has_archive {
            "the archive contains another archive; unpack it, and choose the inner one".to_owned()
        } else {
            format!("the archive has no conversations.json. {WHAT_TO_UPLOAD}")
        }));
    }
    documents.sort();
    Ok(documents)
}

/// Whether a file's name is `conversations`, alone or with a number.
fn is_conversations(stem: &str) -> bool {
    let rest = stem.strip_prefix("conversations");
    rest.is_some_and(|rest| rest.chars().all(|c| c.is_ascii_digit() || "-_ ().".contains(c)))
}

fn invalid(problem: String) -> ArchiveError {
    ArchiveError::Invalid(problem)
}

fn into_error(error: ZipError) -> ArchiveError {
    match error {
        ZipError::Io(error) if !is_damage(&error) => ArchiveError::Io(error),
        ZipError::InvalidPassword => {
            invalid("the archive is encrypted; unpack it, and choose its conversations.json".to_owned())
        }
        ZipError::UnsupportedArchive(problem) if problem == ZipError::PASSWORD_REQUIRED => {
            into_error(ZipError::InvalidPassword)
        }
        ZipError::CompressionMethodNotSupported(_) | ZipError::UnsupportedArchive(_) => invalid(
            "the archive uses an unusual kind of compression; unpack it, and choose its conversations.json"
                .to_owned(),
        ),
        _ => invalid("the archive is damaged or incomplete; download it again".to_owned()),
    }
}
