//! Deletes the data of users who can no longer return, and old entries of the audit log.

use std::sync::Arc;

use webchat_domain::{Timestamp, UserId};
use webchat_persistence::StoreError;

use crate::accounts::audit::Audit;
use crate::conversations::service::Conversations;
use crate::error::ChatError;
use crate::runtime::core::Core;

/// The page size when inactive users are read.
const PAGE_SIZE: u32 = 100;

/// Deletes users without an account whose last session ended long ago. Only a session connects a browser with such a
/// user, so nobody can read the user's conversations any more. Also removes old entries of the audit log.
pub(crate) struct Retention {
    core: Arc<Core>,
    conversations: Conversations,
    audit: Audit,
}

impl Retention {
    pub(crate) fn new(core: &Arc<Core>, conversations: Conversations, audit: Audit) -> Self {
        Self { core: Arc::clone(core), conversations, audit }
    }

    /// Removes the entries of the audit log whose retention period has ended.
    pub(crate) async fn remove_old_audit_entries(&self, now: Timestamp) -> Result<(), StoreError> {
        match self.core.settings.audit_retention {
            Some(retention) => self.audit.remove_before(now.minus(retention)).await,
            None => Ok(()),
        }
    }

    /// Removes the receipts of erasures as old as the entries of the audit log that are removed.
    pub(crate) async fn remove_old_receipts(&self, now: Timestamp) -> Result<(), StoreError> {
        let Some(retention) = self.core.settings.audit_retention else { return Ok(()) };
        self.core.ports.erasures.remove_erasures_before(now.minus(retention)).await
    }

    /// Deletes the users whose retention period has ended, with all of their conversations. Stops at the first
    /// failed deletion; the next call retries it.
    pub(crate) async fn delete_inactive_users(&self, now: Timestamp) -> Result<(), ChatError> {
        let settings = &self.core.settings;
        let Some(retention) = settings.inactive_user_retention else { return Ok(()) };
        let activity = &self.core.ports.user_activity;
        activity.add_missing_records(now).await?;
        let before = now.minus(settings.session_ttl).minus(retention);
        loop {
            let inactive = activity.list_inactive(before, PAGE_SIZE).await?;
            if inactive.is_empty() {
                return Ok(());
            }
            for user_id in inactive {
                if self.core.ports.accounts.find(user_id).await?.is_some() {
                    // The user can still sign in. The record makes the loop end.
                    activity.record_activity(user_id, now, before).await?;
                    continue;
                }
                self.delete_conversations(user_id).await?;
                activity.delete_record_if_inactive(user_id, before).await?;
                tracing::info!(%user_id, "deleted the data of an inactive user");
            }
        }
    }

    async fn delete_conversations(&self, user_id: UserId) -> Result<(), ChatError> {
        for conversation in self.conversations.list_all(user_id).await? {
            match self.conversations.delete(user_id, conversation.conversation_id).await {
                // Another instance may be deleting the same user.
                Ok(()) | Err(ChatError::ConversationNotFound) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use webchat_domain::{AccountRole, Actor, AuditAction, AuditResult, Password, Session};
    use webchat_persistence::AuditFilter;

    use super::*;
    use crate::AuditVerification;
    use crate::testing::TestChat;

    const DAY: Duration = Duration::from_hours(24);

    fn retention(test: &TestChat) -> Retention {
        let chat = &test.chat;
        Retention::new(&chat.core, chat.conversations.clone(), chat.audit.clone())
    }

    async fn delete_inactive_users(test: &TestChat) {
        let retention = retention(test);
        retention.delete_inactive_users(test.chat.core.now()).await.unwrap();
    }

    async fn count(test: &TestChat, session: &Session) -> usize {
        test.chat.conversations.list_all(session.user_id).await.unwrap().len()
    }

    #[tokio::test(start_paused = true)]
    async fn a_user_is_deleted_when_the_retention_period_after_the_last_session_ends() {
        let test = TestChat::with_settings(|settings| {
            settings.session_ttl = 10 * DAY;
            settings.inactive_user_retention = Some(5 * DAY);
        })
        .await;
        let (sessions, conversations) = (&test.chat.sessions, &test.chat.conversations);
        let inactive = test.start_session().await;
        let active = test.start_session().await;
        for session in [&inactive, &inactive, &active] {
            conversations.start(session.user_id, None).await.unwrap();
        }

        test.clock.advance(8 * DAY);
        sessions.extend_session(&active).await;
        test.clock.advance(7 * DAY);
        delete_inactive_users(&test).await;
        let kept = count(&test, &inactive).await;
        test.clock.advance(Duration::from_millis(1));
        delete_inactive_users(&test).await;

        assert_eq!((kept, count(&test, &inactive).await, count(&test, &active).await), (2, 0, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn the_data_of_an_account_is_kept() {
        let test =
            TestChat::with_settings(|settings| settings.inactive_user_retention = Some(DAY)).await;
        let password = Password::try_from("three tides a day".to_owned()).unwrap();
        let name = "alice".parse().unwrap();
        let accounts = &test.chat.accounts;
        let account = accounts
            .add(name, AccountRole::User, Some(password), false, &Actor::COMMAND_LINE)
            .await
            .unwrap();
        test.chat.conversations.start(account.user_id, None).await.unwrap();

        for _ in 0..3 {
            delete_inactive_users(&test).await;
            test.clock.advance(100 * DAY);
        }

        let kept = test.chat.conversations.list_all(account.user_id).await.unwrap();
        assert_eq!(kept.len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_user_without_recorded_activity_counts_as_active_when_first_found() {
        let test =
            TestChat::with_settings(|settings| settings.inactive_user_retention = Some(DAY)).await;
        let find = || test.chat.conversations.find(test.user_id, test.conversation_id);

        delete_inactive_users(&test).await;
        test.clock.advance(2 * DAY);
        delete_inactive_users(&test).await;
        let kept = find().await;
        test.clock.advance(DAY);
        delete_inactive_users(&test).await;

        assert!(kept.is_ok());
        assert!(matches!(find().await, Err(ChatError::ConversationNotFound)));
    }

    #[tokio::test]
    async fn old_audit_entries_are_removed_and_the_others_still_form_a_chain() {
        let test = TestChat::with_settings(|settings| settings.audit_retention = Some(DAY)).await;
        let (audit, now) = (&test.chat.audit, || test.chat.core.now());
        let (signed_out, done) = (AuditAction::SignOut, AuditResult::Done);
        for _ in 0..3 {
            let actor = Actor::ANONYMOUS;
            audit.record(signed_out.clone(), done, None, &actor).await.unwrap();
            test.clock.advance(DAY);
        }

        retention(&test).remove_old_audit_entries(now()).await.unwrap();

        let listed = audit.list(AuditFilter::default(), None, 9).await.unwrap();
        assert_eq!(listed.iter().map(|entry| entry.number).collect::<Vec<_>>(), [3]);
        let verified = audit.verify().await.unwrap();
        assert!(matches!(verified, AuditVerification::Intact { entries: 1, .. }), "{verified:?}");
    }
}
