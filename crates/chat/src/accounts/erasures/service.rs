//! Requests erasures, and finds their receipts.

use std::sync::Arc;

use tokio::sync::Notify;
use webchat_domain::{Actor, AuditAction, AuditResult, Erasure, ErasureId, NewAuditEntry, UserId};
use webchat_persistence::{
    Conversations, Erasures as ErasureStore, RequestErasureOutcome, SavedFiles, TurnLog,
};

use crate::accounts::audit::Audit;
use crate::accounts::ports::AccountPorts;
use crate::accounts::service::Accounts;
use crate::error::ChatError;

/// The ports of erasures.
#[derive(Clone)]
#[expect(missing_docs, reason = "the ports have the documentation")]
pub struct ErasurePorts {
    pub accounts: AccountPorts,
    pub erasures: Arc<dyn ErasureStore>,
    pub conversations: Arc<dyn Conversations>,
    pub saved_files: Arc<dyn SavedFiles>,
    pub log: Arc<dyn TurnLog>,
}

/// The use cases of erasures. Any instance continues an erasure that another one has left incomplete.
#[derive(Clone)]
pub struct Erasures {
    pub(super) ports: ErasurePorts,
    pub(super) accounts: Accounts,
    audit: Audit,
    /// Notified when an erasure is requested on this instance.
    pub(super) requested: Arc<Notify>,
}

impl Erasures {
    /// Builds the service.
    #[must_use]
    pub fn new(ports: ErasurePorts, accounts: Accounts) -> Self {
        let audit = Audit::new(ports.accounts.clone());
        Self { ports, accounts, audit, requested: Arc::default() }
    }

    /// Disables an account, ends its sessions with their live connections, and requests the erasure of everything of its
    /// user. If it is requested already, returns that erasure.
    ///
    /// # Errors
    /// [`ChatError::AccountNotFound`]; [`ChatError::LastAdmin`] if no active administrator would remain.
    pub async fn request(&self, user_id: UserId, actor: &Actor) -> Result<Erasure, ChatError> {
        let erasure = Erasure {
            erasure_id: ErasureId::generate(),
            user_id,
            requested_at: self.ports.accounts.clock.now(),
            completed_at: None,
            counts: None,
        };
        // No other user has the new id.
        self.store(erasure, true, actor).await?.ok_or(ChatError::ErasureNotFound)
    }

    /// Requests an erasure again, with the same id, after a backup was restored that contains the user. The user may have
    /// no account. If the store has its receipt, even a completed one, it is incomplete again until everything is erased,
    /// and keeps its counts.
    ///
    /// Returns `None`, and changes nothing, if the receipt with this id is that of another user.
    ///
    /// # Errors
    /// [`ChatError::LastAdmin`] if no active administrator would remain.
    pub async fn replay(
        &self,
        erasure: Erasure,
        actor: &Actor,
    ) -> Result<Option<Erasure>, ChatError> {
        self.store(Erasure { completed_at: None, counts: None, ..erasure }, false, actor).await
    }

    async fn store(
        &self,
        erasure: Erasure,
        needs_account: bool,
        actor: &Actor,
    ) -> Result<Option<Erasure>, ChatError> {
        let Erasure { erasure_id, user_id, .. } = erasure;
        let action = AuditAction::AccountErased { erasure_id };
        let audit = self.audit.entry_about(action, user_id, actor).await?;
        let request = self.ports.erasures.request_erasure(
            erasure.clone(),
            needs_account,
            Some(audit.clone()),
        );
        let erasure = match request.await? {
            RequestErasureOutcome::Requested => erasure,
            RequestErasureOutcome::Repeated(existing) | RequestErasureOutcome::Exists(existing) => {
                existing
            }
            RequestErasureOutcome::OfAnotherUser => return Ok(None),
            RequestErasureOutcome::NotFound => return Err(ChatError::AccountNotFound),
            RequestErasureOutcome::LastAdmin => {
                let refused = NewAuditEntry { result: AuditResult::Refused, ..audit };
                self.ports.accounts.audit.append(refused).await?;
                return Err(ChatError::LastAdmin);
            }
        };
        self.requested.notify_one();
        self.accounts.end_all_sessions(user_id).await?;
        Ok(Some(erasure))
    }

    /// Returns whether the erasure of the user was requested.
    ///
    /// # Errors
    /// When the erasures can't be read.
    pub async fn is_erased(&self, user_id: UserId) -> Result<bool, ChatError> {
        Ok(self.ports.erasures.is_erased(user_id).await?)
    }

    /// Returns an erasure.
    ///
    /// # Errors
    /// [`ChatError::ErasureNotFound`].
    pub async fn find(&self, id: ErasureId) -> Result<Erasure, ChatError> {
        self.ports.erasures.find_erasure(id).await?.ok_or(ChatError::ErasureNotFound)
    }

    /// Returns at most `max` erasures, the newest first, that were requested before the erasure `before`.
    ///
    /// # Errors
    /// When the erasures can't be read.
    pub async fn list(
        &self,
        before: Option<ErasureId>,
        max: u32,
    ) -> Result<Vec<Erasure>, ChatError> {
        Ok(self.ports.erasures.list_erasures(before, max).await?)
    }
}
