//! The imports of this process. They are kept in memory only: other processes don't see them, and a restart
//! loses them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use webchat_domain::{ImportId, Timestamp, UserId};

use super::import::ImportProgress;
use crate::error::ChatError;
use crate::runtime::reached_limits::{Limit, count_reached_limit};

/// The maximum number of concurrent imports of all users.
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
    status: Arc<ImportStatus>,
    ended_at: Option<Timestamp>,
}

impl ImportRegistry {
    /// Checks that the user may upload a file to import. Returns the import's status instead if it has started
    /// before.
    pub(super) fn check(
        &self,
        user_id: UserId,
        import_id: ImportId,
        now: Timestamp,
    ) -> Result<Option<Arc<ImportStatus>>, ChatError> {
        let mut entries = self.lock();
        evict(&mut entries, now);
        if let Some(existing) = entries.get(&import_id) {
            return Ok(Some(Arc::clone(&existing.status)));
        }
        check_slot(&entries, user_id)?;
        Ok(None)
    }

    /// Takes a slot for an import whose file was uploaded.
    pub(super) fn start(
        &self,
        user_id: UserId,
        import_id: ImportId,
    ) -> Result<Arc<ImportStatus>, ChatError> {
        let mut entries = self.lock();
        check_slot(&entries, user_id)?;
        let (state, progress) = (ImportState::Running, ImportProgress::default());
        let status = Arc::new(ImportStatus { import_id, state, progress });
        let entry = Entry { user_id, status: Arc::clone(&status), ended_at: None };
        entries.insert(import_id, entry);
        Ok(status)
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

/// Checks that another import of this user may run.
fn check_slot(entries: &BTreeMap<ImportId, Entry>, user_id: UserId) -> Result<(), ChatError> {
    let running = || entries.values().filter(|entry| entry.ended_at.is_none());
    if running().any(|entry| entry.user_id == user_id) {
        return Err(ChatError::ImportInProgress);
    }
    if running().count() >= MAX_CONCURRENT {
        count_reached_limit(Limit::Imports);
        return Err(ChatError::TooManyImports);
    }
    Ok(())
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
