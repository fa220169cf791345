//! A change in the queue of the writer.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::Transaction;
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use webchat_persistence::{GaugeGuard, StoreError};

use crate::database::connect::store_error;

/// An error that several changes share.
pub(super) type SharedError = Arc<rusqlite::Error>;

/// A change, and the caller that waits for it.
pub(super) trait QueuedChange: Send {
    /// Runs the change, unless its caller no longer waits.
    fn run(&mut self, transaction: &Transaction<'_>) -> Result<(), ChangeError>;

    /// Returns the result to the caller after the commit, or the error that rolled the transaction back.
    fn end(self: Box<Self>, committed: Result<(), SharedError>);
}

/// The reason why a change must be rolled back.
pub(super) enum ChangeError {
    Failed(SharedError),
    Panicked,
}

/// Decides whether a change starts, or its caller stops waiting for it: whichever claims the start first. Clones share
/// the claim.
#[derive(Clone, Default)]
pub(super) struct StartClaim(Arc<AtomicBool>);

impl StartClaim {
    /// Claims the start. Returns `false` if the other side has claimed it.
    pub(super) fn try_claim(&self) -> bool {
        !self.0.swap(true, Ordering::Relaxed)
    }
}

/// A change, given as a closure.
pub(super) struct Change<F, T> {
    work: Option<F>,
    result: Option<Result<T, SharedError>>,
    reply: oneshot::Sender<Result<T, StoreError>>,
    start_claim: StartClaim,
    queued: Option<Queued>,
}

/// Counts a change that has not started yet.
pub(super) struct Queued {
    pub(super) _permit: OwnedSemaphorePermit,
    pub(super) _waiting: GaugeGuard,
}

impl<F, T> Change<F, T> {
    pub(super) fn new(
        work: F,
        reply: oneshot::Sender<Result<T, StoreError>>,
        start_claim: StartClaim,
        queued: Queued,
    ) -> Self {
        Self { work: Some(work), result: None, reply, start_claim, queued: Some(queued) }
    }
}

impl<F, T> QueuedChange for Change<F, T>
where
    F: FnOnce(&Transaction<'_>) -> rusqlite::Result<T> + Send,
    T: Send,
{
    fn run(&mut self, transaction: &Transaction<'_>) -> Result<(), ChangeError> {
        self.queued = None;
        let work = self.work.take();
        let may_start = !self.reply.is_closed() && self.start_claim.try_claim();
        let Some(work) = work.filter(|_| may_start) else { return Ok(()) };
        let result = catch_unwind(AssertUnwindSafe(|| work(transaction)));
        let result = result.map_err(|_| ChangeError::Panicked)?.map_err(Arc::new);
        let error = result.as_ref().err().cloned();
        self.result = Some(result);
        error.map_or(Ok(()), |error| Err(ChangeError::Failed(error)))
    }

    fn end(self: Box<Self>, committed: Result<(), SharedError>) {
        let result = match (self.result, committed) {
            (Some(Ok(_)) | None, Err(error)) | (Some(Err(error)), _) => Err(store_error(error)),
            (Some(Ok(value)), Ok(())) => Ok(value),
            // The change has panicked. Its caller notices that the channel is closed.
            (None, Ok(())) => return,
        };
        // Sending fails if the caller no longer waits.
        self.reply.send(result).ok();
    }
}
