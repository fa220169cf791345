//! Reading the conversations of another user. Each access needs a reason, which the audit log keeps.

use std::sync::Arc;

use webchat_domain::{
    Actor, AuditAction, AuditReason, AuditResult, Conversation, ConversationId, UserId,
};
use webchat_persistence::{ArchiveFilter, Cursor, ListOrder, Page};

use super::audit::Audit;
use super::forbidden::Forbidden;
use crate::conversations::messages::MessagePage;
use crate::conversations::service::Conversations;
use crate::error::ChatError;
use crate::runtime::core::Core;
use crate::transfer::export::ExportedFile;
use crate::transfer::service::Transfer;

/// The use cases of auditors and administrators who read the conversations of another user. All of them fail with
/// [`Forbidden::ConversationAccess`] unless the operator allows them.
#[derive(Clone)]
pub struct ConversationAccess {
    core: Arc<Core>,
    audit: Audit,
    conversations: Conversations,
    transfer: Transfer,
}

/// Who reads the conversations of which user, and why.
#[derive(Clone, Debug)]
pub struct AccessRequest {
    /// The user whose conversations are read.
    pub user_id: UserId,
    /// Why.
    pub reason: AuditReason,
    /// Who reads them.
    pub actor: Actor,
}

impl ConversationAccess {
    pub(crate) fn new(
        core: &Arc<Core>,
        audit: Audit,
        conversations: Conversations,
        transfer: Transfer,
    ) -> Self {
        Self { core: Arc::clone(core), audit, conversations, transfer }
    }

    /// Returns whether the operator allows it.
    #[must_use]
    pub fn is_allowed(&self) -> bool {
        self.core.settings.admin_conversation_access
    }

    /// Lists the conversations of a user, also the archived ones, the most recently updated first.
    ///
    /// # Errors
    /// [`ChatError::Forbidden`]; [`ChatError::AccountNotFound`]. Nothing is returned if it can't be recorded.
    pub async fn list(
        &self,
        request: AccessRequest,
        after: Option<Cursor>,
        max: u32,
    ) -> Result<Page<Conversation>, ChatError> {
        let AccessRequest { user_id, reason, actor } = request;
        self.check(user_id).await?;
        self.record(AuditAction::ConversationsListed { reason }, user_id, &actor).await?;
        let (filter, order) = (ArchiveFilter::All, ListOrder::Updated);
        Ok(self.core.ports.conversations.list(user_id, filter, order, after, max).await?)
    }

    /// Returns a page of the messages of a user's conversation.
    ///
    /// # Errors
    /// [`ChatError::Forbidden`]; [`ChatError::ConversationNotFound`]. Nothing is returned if it can't be recorded.
    pub async fn messages(
        &self,
        request: AccessRequest,
        conversation_id: ConversationId,
        before: Option<u64>,
        max: u32,
    ) -> Result<MessagePage, ChatError> {
        let AccessRequest { user_id, reason, actor } = request;
        self.check(user_id).await?;
        self.conversations.find(user_id, conversation_id).await?;
        let action = AuditAction::ConversationRead { conversation_id, reason };
        self.record(action, user_id, &actor).await?;
        self.conversations.message_page(user_id, conversation_id, before, max).await
    }

    /// Exports the account and all conversations of a user.
    ///
    /// # Errors
    /// [`ChatError::Forbidden`]; [`ChatError::AccountNotFound`]. Nothing is returned if it can't be recorded.
    pub async fn export(&self, request: AccessRequest) -> Result<ExportedFile, ChatError> {
        let AccessRequest { user_id, reason, actor } = request;
        self.check(user_id).await?;
        let action = AuditAction::AccountExported { reason };
        self.record(action, user_id, &actor).await?;
        self.transfer.export_all(user_id).await
    }

    /// Only users with an account can be read: nobody knows who the others are.
    async fn check(&self, user_id: UserId) -> Result<(), ChatError> {
        if !self.is_allowed() {
            return Err(Forbidden::ConversationAccess.into());
        }
        let account = self.core.ports.accounts.find(user_id).await?;
        account.map(|_| ()).ok_or(ChatError::AccountNotFound)
    }

    async fn record(
        &self,
        action: AuditAction,
        user_id: UserId,
        actor: &Actor,
    ) -> Result<(), ChatError> {
        self.audit.record(action, AuditResult::Done, Some(user_id), actor).await?;
        Ok(())
    }
}
