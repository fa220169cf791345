//! The imports of this process. No other process knows of them, and a restart forgets them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use webchat_domain::{ImportId, Timestamp, UserId};

use super::import::ImportProgress;
use crate::error::ChatError;

/// The maximum number of concurrent imports of all users, uploads included, which bounds the disk space and
/// memory that they take.
const MAX_CONCURRENT: usize = 8;

/// How long the result of an import is remembered, and of how many imports at most.
const RETENTION: Duration = Duration::from_hours(1);
const MAX_REMEMBERED: usize = 1_000;

/// The state and progress of an import.
#[derive(Debug)]
pub struct ImportStatus {
    /// The import's id.
    pub import_id: ImportId,
    /// Whether the import is running, and how it ended.
    pub state: ImportState,
    /// The import's progress.
    pub progress: ImportProgress,
}

/// Whether an import is running, and how it ended.
#[derive(Debug)]
pub enum ImportState {
    /// The import is running.
    Running,
    /// All conversations are imported.
    Complete,
    /// The import ended early. Unless the file is invalid, importing it again continues with the rest.
    Failed(ChatError),
}

/// The imports of this process, by id.
#[derive(Default)]
pub(super) struct ImportRegistry(Mutex<BTreeMap<ImportId, Entry>>);

struct Entry {
    user_id: UserId,
    /// Whether the file has been uploaded.
    has_started: bool,
    status: Arc<ImportStatus>,
    ended_at: Option<Timestamp>,
}

impl ImportRegistry {
    /// Reserves a slot for one more import. Returns the import's status if its file was uploaded before.
    pub(super) fn reserve(
        &self,
        user_id: UserId,
        import_id: ImportId,
        now: Timestamp,
    ) -> Result<Option<Arc<ImportStatus>>, ChatError> {
        let mut entries = self.lock();
        evict(&mut entries, now);
        if let Some(same) = entries.get(&import_id).filter(|same| same.has_started) {
            return Ok(Some(Arc::clone(&same.status)));
        }
        let running = || entries.values().filter(|entry| entry.ended_at.is_none());
        if running().any(|entry| entry.user_id == user_id) {
            return Err(ChatError::ImportInProgress);
        }
        if running().count() >= MAX_CONCURRENT {
            return Err(ChatError::TooManyImports);
        }
        let (state, progress) = (ImportState::Running, ImportProgress::default());
        let status = Arc::new(ImportStatus { import_id, state, progress });
        entries.insert(import_id, Entry { user_id, has_started: false, status, ended_at: None });
        Ok(None)
    }

    /// Releases the slot of an import that has not started.
    pub(super) fn release(&self, id: ImportId) {
        self.lock().retain(|other, entry| *other != id || entry.has_started);
    }

    pub(super) fn set_started(&self, id: ImportId) {
        if let Some(entry) = self.lock().get_mut(&id) {
            entry.has_started = true;
        }
    }

    pub(super) fn find(
        &self,
        user_id: UserId,
        id: ImportId,
        now: Timestamp,
    ) -> Option<Arc<ImportStatus>> {
        let mut entries = self.lock();
        evict(&mut entries, now);
        let entry = entries.get(&id).filter(|entry| entry.user_id == user_id);
        entry.map(|entry| Arc::clone(&entry.status))
    }

    pub(super) fn update(
        &self,
        import_id: ImportId,
        state: ImportState,
        progress: ImportProgress,
        ended_at: Option<Timestamp>,
    ) {
        if let Some(entry) = self.lock().get_mut(&import_id) {
            entry.status = Arc::new(ImportStatus { import_id, state, progress });
            entry.ended_at = ended_at;
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<ImportId, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Removes imports that ended long ago, and the oldest ended ones if there are too many.
fn evict(entries: &mut BTreeMap<ImportId, Entry>, now: Timestamp) {
    entries.retain(|_, entry| entry.ended_at.is_none_or(|ended| ended.plus(RETENTION) > now));
    while entries.len() >= MAX_REMEMBERED {
        let ended = entries.iter().filter_map(|(id, entry)| Some((entry.ended_at?, *id)));
        let Some((_, oldest)) = ended.min() else { return };
        entries.remove(&oldest);
    }
}
