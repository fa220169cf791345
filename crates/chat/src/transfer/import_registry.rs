//! The imports of this process. They are kept in memory only: other processes don't see them, and a restart
//! loses them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use webchat_domain::{ImportId, Timestamp, UserId};

use super::import::ImportProgress;
use crate::error::ChatError;

/// The maximum number of concurrent imports of all users.
const MAX_CONCURRENT: usize = 8;

/// The maximum number of concurrent uploads of files to import, of all users, which bounds their disk space.
const MAX_UPLOADS: usize = 64;

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

/// The imports of this process.
#[derive(Default)]
pub(super) struct ImportRegistry(Mutex<Imports>);

#[derive(Default)]
struct Imports {
    /// The imports that have started, by id.
    started: BTreeMap<ImportId, Entry>,
    /// The users who are uploading a file.
    uploading: BTreeSet<UserId>,
}

struct Entry {
    user_id: UserId,
    status: Arc<ImportStatus>,
    ended_at: Option<Timestamp>,
}

impl ImportRegistry {
    /// Begins an upload. Returns the import's status instead if it has started before.
    pub(super) fn begin_upload(
        &self,
        user_id: UserId,
        import_id: ImportId,
        now: Timestamp,
    ) -> Result<Option<Arc<ImportStatus>>, ChatError> {
        let mut imports = self.lock();
        evict(&mut imports.started, now);
        if let Some(existing) = imports.started.get(&import_id) {
            return Ok(Some(Arc::clone(&existing.status)));
        }
        // Nobody should upload a file that can't be imported.
        imports.check_slot(user_id)?;
        if imports.uploading.len() >= MAX_UPLOADS {
            return Err(ChatError::TooManyImports);
        }
        if !imports.uploading.insert(user_id) {
            return Err(ChatError::ImportInProgress);
        }
        Ok(None)
    }

    pub(super) fn end_upload(&self, user_id: UserId) {
        self.lock().uploading.remove(&user_id);
    }

    /// Takes a slot for an import whose file was uploaded.
    pub(super) fn start(
        &self,
        user_id: UserId,
        import_id: ImportId,
    ) -> Result<Arc<ImportStatus>, ChatError> {
        let mut imports = self.lock();
        imports.check_slot(user_id)?;
        let (state, progress) = (ImportState::Running, ImportProgress::default());
        let status = Arc::new(ImportStatus { import_id, state, progress });
        let entry = Entry { user_id, status: Arc::clone(&status), ended_at: None };
        imports.started.insert(import_id, entry);
        Ok(status)
    }

    pub(super) fn find(
        &self,
        user_id: UserId,
        id: ImportId,
        now: Timestamp,
    ) -> Option<Arc<ImportStatus>> {
        let mut imports = self.lock();
        evict(&mut imports.started, now);
        let entry = imports.started.get(&id).filter(|entry| entry.user_id == user_id);
        entry.map(|entry| Arc::clone(&entry.status))
    }

    pub(super) fn update(
        &self,
        import_id: ImportId,
        state: ImportState,
        progress: ImportProgress,
        ended_at: Option<Timestamp>,
    ) {
        if let Some(entry) = self.lock().started.get_mut(&import_id) {
            entry.status = Arc::new(ImportStatus { import_id, state, progress });
            entry.ended_at = ended_at;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Imports> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Imports {
    /// Checks that another import of this user may run.
    fn check_slot(&self, user_id: UserId) -> Result<(), ChatError> {
        let running = || self.started.values().filter(|entry| entry.ended_at.is_none());
        if running().any(|entry| entry.user_id == user_id) {
            return Err(ChatError::ImportInProgress);
        }
        if running().count() >= MAX_CONCURRENT {
            return Err(ChatError::TooManyImports);
        }
        Ok(())
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
