//! The imports of this process. They are kept in memory only: other processes don't see them, and a restart
//! loses them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use webchat_domain::{ImportId, Timestamp, UserId};

use super::import::ImportProgress;
use crate::error::ChatError;

/// The maximum number of concurrent imports of all users, including uploads, which bounds their disk space and
/// memory.
const MAX_CONCURRENT: usize = 8;

/// How long an import is remembered after its end.
const RETENTION: Duration = Duration::from_hours(1);

/// The maximum number of imports that are remembered.
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
    /// The import has processed all conversations.
    Complete,
    /// The import ended early. Unless the file is invalid, importing it again continues the import.
    Failed(ChatError),
}

/// The imports of this process, by id.
#[derive(Default)]
pub(super) struct ImportRegistry(Mutex<BTreeMap<ImportId, Entry>>);

struct Entry {
    user_id: UserId,
    /// Whether the file has been uploaded, and the import has started.
    is_uploaded: bool,
    status: Arc<ImportStatus>,
    ended_at: Option<Timestamp>,
}

impl ImportRegistry {
    /// Reserves a slot for an import. Returns the import's status instead if it has started before.
    pub(super) fn reserve(
        &self,
        user_id: UserId,
        import_id: ImportId,
        now: Timestamp,
    ) -> Result<Option<Arc<ImportStatus>>, ChatError> {
        let mut entries = self.lock();
        evict(&mut entries, now);
        if let Some(existing) = entries.get(&import_id).filter(|entry| entry.is_uploaded) {
            return Ok(Some(Arc::clone(&existing.status)));
        }
        let running: Vec<_> = entries.values().filter(|entry| entry.ended_at.is_none()).collect();
        if running.iter().any(|entry| entry.user_id == user_id) {
            return Err(ChatError::ImportInProgress);
        }
        if running.len() >= MAX_CONCURRENT {
            return Err(ChatError::TooManyImports);
        }
        let (state, progress) = (ImportState::Running, ImportProgress::default());
        let status = Arc::new(ImportStatus { import_id, state, progress });
        entries.insert(import_id, Entry { user_id, is_uploaded: false, status, ended_at: None });
        Ok(None)
    }

    /// Releases the slot of an import that has not started.
    pub(super) fn release(&self, id: ImportId) {
        self.lock().retain(|other, entry| *other != id || entry.is_uploaded);
    }

    pub(super) fn set_uploaded(&self, id: ImportId) {
        if let Some(entry) = self.lock().get_mut(&id) {
            entry.is_uploaded = true;
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

/// Removes expired imports. If too many remain, also removes those that ended first.
fn evict(entries: &mut BTreeMap<ImportId, Entry>, now: Timestamp) {
    entries.retain(|_, entry| entry.ended_at.is_none_or(|ended| ended.plus(RETENTION) > now));
    while entries.len() >= MAX_REMEMBERED {
        let ended = entries.iter().filter_map(|(id, entry)| Some((entry.ended_at?, *id)));
        let Some((_, oldest)) = ended.min() else { return };
        entries.remove(&oldest);
    }
}
