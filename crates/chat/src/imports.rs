use std::collections::BTreeMap;
use std::io::{Read, Seek};
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use webchat_domain::{IdempotencyKey, ImportId, Timestamp, UserId};

use crate::fault::cause;
use crate::import::{ImportOwner, ImportProgress, ImportTarget, import};
use crate::{ChatError, Transfer};

/// Imports of all users that are under way at a time, uploads included: what they take of the disk and of
/// memory.
const MOST_AT_ONCE: usize = 8;

/// How long it is known what became of an import.
const KEPT_FOR: Duration = Duration::from_hours(1);

/// Of so many imports, and not more, it is known what became of them.
const MOST_KEPT: usize = 1_000;

/// The imports of this process. They are known to it alone.
#[derive(Default)]
pub(crate) struct Imports(Mutex<BTreeMap<ImportId, Known>>);

struct Known {
    user_id: UserId,
    /// Whether its file has come.
    has_begun: bool,
    status: Arc<ImportStatus>,
    ended_at: Option<Timestamp>,
}

/// How an import is doing.
#[derive(Debug)]
pub struct ImportStatus {
    /// The import.
    pub import_id: ImportId,
    /// Whether it still runs, and what became of it.
    pub state: ImportState,
    /// How far it is.
    pub progress: ImportProgress,
}

/// Whether an import still runs.
#[derive(Debug)]
pub enum ImportState {
    /// It does.
    Running,
    /// All of it is here.
    Complete,
    /// It ended early. Unless the file is broken, importing it again goes on with the rest.
    Failed(ChatError),
}

/// What is to be done with a file that is to come.
pub enum PreparedImport {
    /// It may be imported.
    New(Box<ImportSlot>),
    /// It came before, under the same key: how that import is doing.
    Duplicate(Arc<ImportStatus>),
}

/// The right to import one file. Dropped before it was used, it leaves nothing behind.
pub struct ImportSlot {
    transfer: Transfer,
    user_id: UserId,
    id: ImportId,
}

impl Transfer {
    /// Takes the right to import a file, before it is there: each user can have one at a time. Under a
    /// key that brought a file to this process before, it is that import, as long as it is known.
    ///
    /// # Errors
    /// [`ChatError::ImportInProgress`], [`ChatError::TooManyImports`], [`ChatError::ShuttingDown`].
    pub fn prepare_import(
        &self,
        user_id: UserId,
        key: Option<&IdempotencyKey>,
    ) -> Result<PreparedImport, ChatError> {
        if self.core.running.is_shutting_down() {
            return Err(ChatError::ShuttingDown);
        }
        let id = ImportId::of_key(user_id, key);
        Ok(match self.imports.begin(user_id, id, self.core.ports.clock.now())? {
            None => {
                PreparedImport::New(Box::new(ImportSlot { transfer: self.clone(), user_id, id }))
            }
            Some(known) => PreparedImport::Duplicate(known),
        })
    }

    /// How the import is doing. It is known for an hour after its end, in the process that runs it.
    ///
    /// # Errors
    /// [`ChatError::ImportNotFound`], also when it is somebody else's.
    pub fn import_status(
        &self,
        user_id: UserId,
        id: ImportId,
    ) -> Result<Arc<ImportStatus>, ChatError> {
        let now = self.core.ports.clock.now();
        self.imports.find(user_id, id, now).ok_or(ChatError::ImportNotFound)
    }

    /// Runs the import to its end; a shutdown ends it after the conversation that it is at.
    async fn run_import<F: Read + Seek + Send + 'static>(
        self,
        user_id: UserId,
        id: ImportId,
        file: F,
    ) {
        let into = ImportTarget {
            archive: Arc::clone(&self.core.ports.archive),
            tokens: self.core.counter(),
            now: self.core.ports.clock.now(),
        };
        let mut last = ImportProgress::default();
        let imported = import(&into, ImportOwner::User(user_id), file, |progress| {
            last = progress;
            self.imports.set(id, ImportState::Running, progress, None);
            if self.core.running.is_shutting_down() {
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        })
        .await;
        let state = match imported {
            Ok(_) => ImportState::Complete,
            Err(error) => ImportState::Failed(error.into()),
        };
        if last.imported > 0 {
            self.core.notify_list(user_id, None).await;
        }
        log_end(id, &state, last);
        self.imports.set(id, state, last, Some(self.core.ports.clock.now()));
    }
}

impl ImportSlot {
    /// Imports the file, whatever becomes of the caller: its conversations become the user's.
    ///
    /// # Errors
    /// [`ChatError::ShuttingDown`].
    pub fn start<F: Read + Seek + Send + 'static>(
        self,
        file: F,
    ) -> Result<Arc<ImportStatus>, ChatError> {
        let transfer = self.transfer.clone();
        let admission = transfer.core.running.admit().ok_or(ChatError::ShuttingDown)?;
        let status = transfer.import_status(self.user_id, self.id)?;
        transfer.imports.file_has_come(self.id);
        transfer.core.running.spawn(transfer.clone().run_import(self.user_id, self.id, file));
        drop(admission);
        Ok(status)
    }
}

impl Drop for ImportSlot {
    fn drop(&mut self) {
        self.transfer.imports.lock().retain(|id, known| *id != self.id || known.has_begun);
    }
}

impl Imports {
    /// Makes room for one more. `Some`: its file has come before.
    fn begin(
        &self,
        user_id: UserId,
        import_id: ImportId,
        now: Timestamp,
    ) -> Result<Option<Arc<ImportStatus>>, ChatError> {
        let mut known = self.lock();
        forget(&mut known, now);
        if let Some(same) = known.get(&import_id).filter(|same| same.has_begun) {
            return Ok(Some(Arc::clone(&same.status)));
        }
        let running = || known.values().filter(|one| one.ended_at.is_none());
        if running().any(|one| one.user_id == user_id) {
            return Err(ChatError::ImportInProgress);
        }
        if running().count() >= MOST_AT_ONCE {
            return Err(ChatError::TooManyImports);
        }
        let (state, progress) = (ImportState::Running, ImportProgress::default());
        let status = Arc::new(ImportStatus { import_id, state, progress });
        known.insert(import_id, Known { user_id, has_begun: false, status, ended_at: None });
        Ok(None)
    }

    fn file_has_come(&self, id: ImportId) {
        if let Some(known) = self.lock().get_mut(&id) {
            known.has_begun = true;
        }
    }

    fn find(&self, user_id: UserId, id: ImportId, now: Timestamp) -> Option<Arc<ImportStatus>> {
        let mut known = self.lock();
        forget(&mut known, now);
        known.get(&id).filter(|one| one.user_id == user_id).map(|one| Arc::clone(&one.status))
    }

    fn set(
        &self,
        import_id: ImportId,
        state: ImportState,
        progress: ImportProgress,
        ended_at: Option<Timestamp>,
    ) {
        if let Some(known) = self.lock().get_mut(&import_id) {
            known.status = Arc::new(ImportStatus { import_id, state, progress });
            known.ended_at = ended_at;
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<ImportId, Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Forgets what ended long ago; of what ended since, the oldest, where there is too much of it.
fn forget(known: &mut BTreeMap<ImportId, Known>, now: Timestamp) {
    known.retain(|_, one| one.ended_at.is_none_or(|ended| ended.plus(KEPT_FOR) > now));
    while known.len() >= MOST_KEPT {
        let ended = known.iter().filter_map(|(id, one)| Some((one.ended_at?, *id)));
        let Some((_, oldest)) = ended.min() else { return };
        known.remove(&oldest);
    }
}

/// A broken file is its owner's matter: what is wrong with it may quote what is said there.
fn log_end(id: ImportId, state: &ImportState, progress: ImportProgress) {
    let ImportProgress { imported, already_there, messages, .. } = progress;
    let import_id = id.to_string();
    match state {
        ImportState::Failed(
            error @ (ChatError::StorageUnavailable(_) | ChatError::Internal(_)),
        ) => {
            tracing::error!(import_id, imported, error = cause(error), "an import failed");
        }
        state => {
            let is_complete = matches!(state, ImportState::Complete);
            tracing::info!(import_id, is_complete, imported, already_there, messages, "imported");
        }
    }
}
