//! Imports that run in the background.

use std::io::{Read, Seek};
use std::ops::ControlFlow;
use std::sync::Arc;

use webchat_domain::{Caller, IdempotencyKey, ImportId, UserId, error_chain};

use super::import::{ImportOwner, ImportProgress, import};
pub use super::import_registry::{ImportState, ImportStatus};
use super::import_target::ImportTarget;
use super::service::Transfer;
use crate::error::ChatError;

/// A prepared import, or the existing import with the same key.
pub enum PreparedImport {
    /// The import is new: the file must be uploaded.
    New(Box<ImportUpload>),
    /// A file was already uploaded with the same key. Contains the status of its import.
    Duplicate(Arc<ImportStatus>),
}

/// The upload of a file to import.
pub struct ImportUpload {
    transfer: Transfer,
    caller: Caller,
    id: ImportId,
}

impl Transfer {
    /// Checks that the user's storage limit is not reached. Call it before a file is uploaded.
    ///
    /// # Errors
    /// [`ChatError::StorageFull`], [`ChatError::ServerStorageFull`], or an error of the store.
    pub async fn check_storage(&self, user_id: UserId) -> Result<(), ChatError> {
        self.core.reserve_storage(user_id, 0).await
    }

    /// Checks that the user may import a file. Call it before the file is uploaded. Each user can run one import at
    /// a time. If this process knows an import with the same key, returns that import's status.
    ///
    /// # Errors
    /// [`ChatError::ImportInProgress`], [`ChatError::TooManyNetworkImports`], [`ChatError::TooManyImports`],
    /// [`ChatError::ShuttingDown`].
    pub fn prepare_import(
        &self,
        caller: Caller,
        key: Option<&IdempotencyKey>,
    ) -> Result<PreparedImport, ChatError> {
        if self.core.lifecycle.is_draining() {
            return Err(ChatError::ShuttingDown);
        }
        let id = ImportId::from_idempotency_key(caller.user_id, key);
        Ok(match self.imports.check(caller, id, self.core.now())? {
            None => {
                PreparedImport::New(Box::new(ImportUpload { transfer: self.clone(), caller, id }))
            }
            Some(existing) => PreparedImport::Duplicate(existing),
        })
    }

    /// Returns the status of an import. Only the process that runs an import knows its status, until an hour after
    /// its end.
    ///
    /// # Errors
    /// [`ChatError::ImportNotFound`] if the user has no such import.
    pub fn import_status(
        &self,
        user_id: UserId,
        id: ImportId,
    ) -> Result<Arc<ImportStatus>, ChatError> {
        self.imports.find(user_id, id, self.core.now()).ok_or(ChatError::ImportNotFound)
    }

    /// Runs the import. A shutdown cancels it after the current conversation.
    async fn run_import<F: Read + Seek + Send + 'static>(
        self,
        user_id: UserId,
        id: ImportId,
        file: F,
        max_bytes: u64,
    ) {
        let target = ImportTarget {
            transfer: Arc::clone(&self.core.ports.transfer),
            tokens: self.core.ports.models.first().counter(),
            now: self.core.now(),
            quota: Some(self.core.quota.clone()),
            max_bytes,
        };
        let mut latest = ImportProgress::default();
        let result = import(&target, ImportOwner::User(user_id), file, |progress| {
            latest = progress.clone();
            self.imports.update(id, ImportState::Running, latest.clone(), None);
            if self.core.lifecycle.is_draining() {
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        })
        .await;
        let state = match result {
            Ok(_) => ImportState::Complete,
            Err(error) => ImportState::Failed(error.into()),
        };
        if latest.imported + latest.added_to > 0 {
            self.core.notify_list(user_id, None).await;
        }
        log_end(id, &state, &latest);
        self.imports.update(id, state, latest, Some(self.core.now()));
    }
}

impl ImportUpload {
    /// Imports the uploaded file in the background, even if the caller is dropped. The user becomes the owner of its
    /// conversations. `max_bytes` limits the unpacked size of an archive. The permit for the import is acquired only
    /// now, because an upload may be slow.
    ///
    /// # Errors
    /// [`ChatError::ImportInProgress`], [`ChatError::TooManyNetworkImports`], [`ChatError::TooManyImports`],
    /// [`ChatError::ShuttingDown`].
    pub fn start<F: Read + Seek + Send + 'static>(
        self,
        file: F,
        max_bytes: u64,
    ) -> Result<Arc<ImportStatus>, ChatError> {
        let Self { transfer, caller, id } = self;
        let lifecycle = &transfer.core.lifecycle;
        let _admission = lifecycle.admit()?;
        let status = transfer.imports.start(caller, id)?;
        lifecycle.spawn_detached(transfer.clone().run_import(caller.user_id, id, file, max_bytes));
        Ok(status)
    }
}

/// Logs the end of an import. Logs the cause only of storage errors, because the error of an invalid file may quote
/// the file.
fn log_end(id: ImportId, state: &ImportState, progress: &ImportProgress) {
    let &ImportProgress { imported, added_to, already_there, messages, left_out, .. } = progress;
    let import_id = id.to_string();
    match state {
        ImportState::Failed(
            error @ (ChatError::StorageUnavailable(_)
            | ChatError::StorageTimeout(_)
            | ChatError::Internal(_)),
        ) => {
            tracing::error!(import_id, imported, error = error_chain(error), "import failed");
        }
        state => {
            let is_complete = matches!(state, ImportState::Complete);
            let skipped = already_there;
            tracing::info!(
                import_id,
                is_complete,
                imported,
                added_to,
                skipped,
                messages,
                left_out,
                "import ended"
            );
        }
    }
}
