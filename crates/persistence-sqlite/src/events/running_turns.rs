//! The events of running turns in a file, so that a killed process loses nothing that readers have seen.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex};

use serde::{Deserialize, Serialize};
use webchat_domain::{ConversationId, Event, TurnId};
use webchat_persistence::rules::{TurnBoundary, turn_boundary};

use super::mutex::lock;
use crate::private_files;

/// The id of the system's current boot, on Linux. Empty on other systems.
static BOOT_ID: LazyLock<String> =
    LazyLock::new(|| fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default());

/// The minimum size at which the file is rewritten with the running turns only, in bytes.
const MIN_REWRITE_BYTES: u64 = 16 * 1024 * 1024;

/// How many times larger than after the last rewriting the file must be.
const REWRITE_FACTOR: u64 = 4;

/// The events of running turns, in a file of JSON lines next to the database. The first line is a [`Header`].
///
/// Each write reaches the operating system before the event is delivered, but not the disk: it survives a killed
/// process. After a restart of the system, the file is discarded, because its content may be damaged; the answers then
/// have the text that was last saved in the database. Events don't wait for the commits of the database.
pub(crate) struct RunningTurns {
    file: Mutex<EventFile>,
}

struct EventFile {
    path: PathBuf,
    file: File,
    /// The size of the file, in bytes.
    len: u64,
    /// The size of the header, in bytes.
    header_len: u64,
    /// The size above which the file is rewritten, in bytes.
    rewrite_above: u64,
    /// Whether the file may be longer than `len`, or its cursor elsewhere.
    is_damaged: bool,
    /// The parts of the file that contain the running turn of a conversation.
    parts: HashMap<ConversationId, Vec<Range<u64>>>,
}

#[derive(Serialize, Deserialize)]
struct Header {
    /// The id of the system's boot in which the events were written.
    boot_id: String,
}

/// A turn that was running when the process ended.
pub(super) struct UnfinishedTurn {
    pub(super) conversation_id: ConversationId,
    pub(super) turn_id: TurnId,
    /// The events from the turn's acceptance, oldest first.
    pub(super) events: Vec<Event>,
}

impl RunningTurns {
    /// Creates the file with the events of these turns, and replaces an existing one.
    pub(super) fn create(path: &Path, turns: &[UnfinishedTurn]) -> io::Result<Self> {
        let file = EventFile::write(path, |file| {
            turns.iter().try_for_each(|turn| {
                file.append(turn.conversation_id, &json_lines(&turn.events)?, true)
            })
        });
        Ok(Self { file: Mutex::new(file?) })
    }

    /// Stores events of a running turn. If the turn begins with them, they replace those of the previous one.
    pub(super) fn store(
        &self,
        id: ConversationId,
        events: &[Arc<Event>],
        is_begin: bool,
    ) -> io::Result<()> {
        let lines = json_lines(events.iter().map(AsRef::as_ref))?;
        let mut file = lock(&self.file);
        file.append(id, &lines, is_begin)?;
        if file.len > file.rewrite_above
            && let Err(error) = file.rewrite()
        {
            tracing::warn!(%error, "failed to shrink the file of running turns");
        }
        Ok(())
    }

    /// Removes the events of a conversation whose turn has ended.
    pub(super) fn remove(&self, id: ConversationId) -> io::Result<()> {
        let mut file = lock(&self.file);
        let parts = file.parts.remove(&id).unwrap_or_default();
        if file.parts.is_empty() {
            let header_len = file.header_len;
            file.truncate(header_len)
        } else {
            file.erase(&parts)
        }
    }
}

impl EventFile {
    /// Replaces the file at the path. A killed process leaves either the old or the new one.
    fn write(
        path: &Path,
        append_all: impl FnOnce(&mut Self) -> io::Result<()>,
    ) -> io::Result<Self> {
        let new_path = path.with_extension("jsonl.new");
        let written = Self::write_new(&new_path, path, append_all);
        if written.is_err() {
            fs::remove_file(&new_path).ok();
        }
        written
    }

    fn write_new(
        new_path: &Path,
        path: &Path,
        append_all: impl FnOnce(&mut Self) -> io::Result<()>,
    ) -> io::Result<Self> {
        let mut new = Self {
            path: path.to_owned(),
            file: private_files::create(new_path)?,
            len: 0,
            header_len: 0,
            rewrite_above: 0,
            is_damaged: false,
            parts: HashMap::new(),
        };
        new.append_lines(&json_lines([&Header { boot_id: BOOT_ID.clone() }])?)?;
        new.header_len = new.len;
        append_all(&mut new)?;
        new.rewrite_above = MIN_REWRITE_BYTES.max(new.len * REWRITE_FACTOR);
        fs::rename(new_path, path)?;
        Ok(new)
    }

    fn append(&mut self, id: ConversationId, lines: &[u8], is_begin: bool) -> io::Result<()> {
        if is_begin && let Some(previous) = self.parts.remove(&id) {
            self.erase(&previous)?;
        }
        let start = self.len;
        self.append_lines(lines)?;
        let parts = self.parts.entry(id).or_default();
        match parts.last_mut() {
            Some(last) if last.end == start => last.end = self.len,
            _ => parts.push(start..self.len),
        }
        Ok(())
    }

    fn append_lines(&mut self, lines: &[u8]) -> io::Result<()> {
        if self.is_damaged {
            self.truncate(self.len)?;
        }
        if let Err(error) = self.file.write_all(lines) {
            // Later lines must not follow a part of a line.
            self.truncate(self.len).ok();
            return Err(error);
        }
        self.len += u64::try_from(lines.len()).map_err(io::Error::other)?;
        Ok(())
    }

    /// If it fails, the next append tries it again.
    fn truncate(&mut self, len: u64) -> io::Result<()> {
        (self.len, self.is_damaged) = (len, true);
        self.file.set_len(len)?;
        self.file.seek(SeekFrom::Start(len))?;
        self.is_damaged = false;
        Ok(())
    }

    /// Overwrites these parts with empty lines, so that deleted text does not stay in the file.
    fn erase(&mut self, parts: &[Range<u64>]) -> io::Result<()> {
        self.is_damaged = true;
        for part in parts {
            self.file.seek(SeekFrom::Start(part.start))?;
            io::copy(&mut io::repeat(b'\n').take(part.end - part.start), &mut self.file)?;
        }
        self.file.seek(SeekFrom::Start(self.len))?;
        self.is_damaged = false;
        Ok(())
    }

    /// Rewrites the file without the ended turns.
    fn rewrite(&mut self) -> io::Result<()> {
        // If it fails, the next event must not try it again.
        self.rewrite_above = self.len * REWRITE_FACTOR;
        let source = File::open(&self.path)?;
        *self = Self::write(&self.path, |new| {
            self.parts.iter().try_for_each(|(id, parts)| {
                for part in parts {
                    let bytes = usize::try_from(part.end - part.start).map_err(io::Error::other)?;
                    let mut lines = vec![0; bytes];
                    (&source).seek(SeekFrom::Start(part.start))?;
                    (&source).read_exact(&mut lines)?;
                    new.append(*id, &lines, false)?;
                }
                Ok(())
            })
        })?;
        Ok(())
    }
}

/// Reads the turns that were running when the process ended, unless the system has restarted since.
pub(super) fn read_unfinished(path: &Path) -> io::Result<Vec<UnfinishedTurn>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut lines = BufReader::new(file).split(b'\n');
    let header = lines.next().transpose()?.unwrap_or_default();
    let header: Option<Header> = serde_json::from_slice(&header).ok();
    if header.is_none_or(|header| header.boot_id != *BOOT_ID) {
        return Ok(Vec::new());
    }
    let mut events: BTreeMap<ConversationId, Vec<Event>> = BTreeMap::new();
    for line in lines {
        let line = line?;
        if line.is_empty() {
            continue;
        }
        // There must be no gap, so nothing is read after a part of a line or an event of a newer version.
        let Ok(event) = serde_json::from_slice::<Event>(&line) else { break };
        events.entry(event.conversation_id).or_default().push(event);
    }
    Ok(events.into_values().filter_map(unfinished_turn).collect())
}

/// Returns the turn that began last.
fn unfinished_turn(mut events: Vec<Event>) -> Option<UnfinishedTurn> {
    let begin = |event: &Event| match turn_boundary(&event.body) {
        Some(TurnBoundary::Begin(turn_id)) => Some(turn_id),
        _ => None,
    };
    let first = events.iter().rposition(|event| begin(event).is_some())?;
    let events = events.split_off(first);
    let first = events.first()?;
    let (conversation_id, turn_id) = (first.conversation_id, begin(first)?);
    Some(UnfinishedTurn { conversation_id, turn_id, events })
}

fn json_lines<'a, T: Serialize + 'a>(
    values: impl IntoIterator<Item = &'a T>,
) -> io::Result<Vec<u8>> {
    let mut lines = Vec::new();
    for value in values {
        serde_json::to_writer(&mut lines, value)?;
        lines.push(b'\n');
    }
    Ok(lines)
}

#[cfg(test)]
mod tests;
