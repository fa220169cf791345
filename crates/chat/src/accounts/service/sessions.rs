//! The sessions in which users are signed in.

use webchat_domain::{
    Account, Actor, AuditAction, AuditResult, ProviderSession, PublicSessionId, Session, SessionId,
    SignIn, UserId, error_chain,
};
use webchat_persistence::{AccountUpdate, Signal, StoredSession};

use super::super::audit::subject_of;
use super::Accounts;
use crate::error::ChatError;

/// The maximum number of sessions of a user. A further sign-in ends the one that was signed in first.
pub(super) const MAX_SESSIONS: usize = 100;

impl Accounts {
    /// Stores a new session of the user. If the account has another version in the meantime, there is none.
    pub(in crate::accounts) async fn start_session(
        &self,
        account: &Account,
        device: String,
        provider: Option<ProviderSession>,
        actor: &Actor,
    ) -> Result<(Session, Account), ChatError> {
        let (user_id, account_version) = (account.user_id, account.version);
        let actor = actor.signed_in(user_id, account.name.clone());
        let audit =
            self.audit.entry(AuditAction::SignIn, Some(subject_of(account)), &actor).await?;
        let now = self.ports.clock.now();
        let update = AccountUpdate {
            signed_in_at: Some(now),
            expected_version: Some(account_version),
            audit: Some(audit),
            ..AccountUpdate::default()
        };
        let account = self.update(user_id, update).await?;
        for oldest in self.sessions(user_id).await?.iter().skip(MAX_SESSIONS - 1) {
            self.delete_session(&oldest.session).await?;
        }
        let session = Session {
            sign_in: Some(SignIn { at: now, device, account_version, provider }),
            ..Session::anonymous(SessionId::generate(), user_id)
        };
        let expires_at = now.plus(self.lifetimes.idle);
        self.ports.sessions.start(&session, now, expires_at).await?;
        Ok((session, account))
    }

    /// Ends a session in which the user is signed in, and closes its live connections on all instances.
    ///
    /// # Errors
    /// When the session can't be deleted.
    pub async fn sign_out(&self, session: &Session, actor: &Actor) -> Result<(), ChatError> {
        self.record_end(AuditAction::SignOut, session.user_id, actor).await?;
        self.delete_session(session).await
    }

    /// Ends a session of a user, and closes its live connections on all instances.
    ///
    /// # Errors
    /// [`ChatError::SessionNotFound`] if the user has no such session.
    pub async fn end_session(
        &self,
        user_id: UserId,
        id: PublicSessionId,
        actor: &Actor,
    ) -> Result<(), ChatError> {
        let sessions = self.sessions(user_id).await?;
        let found = sessions.into_iter().find(|stored| stored.session.session_id.public() == id);
        let StoredSession { session, .. } = found.ok_or(ChatError::SessionNotFound)?;
        self.record_end(AuditAction::SessionsEnded, user_id, actor).await?;
        self.delete_session(&session).await
    }

    /// Ends all sessions of a user except `kept`, and closes their live connections on all instances.
    ///
    /// # Errors
    /// When the sessions can't be deleted.
    pub async fn end_sessions(
        &self,
        user_id: UserId,
        kept: Option<SessionId>,
        actor: &Actor,
    ) -> Result<(), ChatError> {
        let sessions = self.sessions(user_id).await?;
        if sessions.iter().all(|stored| Some(stored.session.session_id) == kept) {
            return Ok(());
        }
        self.record_end(AuditAction::SessionsEnded, user_id, actor).await?;
        // Otherwise, no live connection needs to check its session.
        if self.ports.sessions.delete_signed_in(user_id, kept).await? {
            self.signal_ended_sessions(user_id).await;
        }
        Ok(())
    }

    /// Ends all sessions of a user, and makes all live connections check their access, also those with an API key.
    pub(in crate::accounts) async fn end_all_sessions(
        &self,
        user_id: UserId,
    ) -> Result<(), ChatError> {
        self.ports.sessions.delete_signed_in(user_id, None).await?;
        self.signal_ended_sessions(user_id).await;
        Ok(())
    }

    /// Records the end of sessions before they end: their store may be another one than that of the audit log.
    async fn record_end(
        &self,
        action: AuditAction,
        user_id: UserId,
        actor: &Actor,
    ) -> Result<(), ChatError> {
        self.audit.record(action, AuditResult::Done, Some(user_id), actor).await?;
        Ok(())
    }

    pub(in crate::accounts) async fn delete_session(
        &self,
        session: &Session,
    ) -> Result<(), ChatError> {
        self.ports.sessions.delete(session.session_id).await?;
        self.signal_ended_sessions(session.user_id).await;
        Ok(())
    }

    /// Tells all instances. Best effort: live connections also check their session at intervals.
    async fn signal_ended_sessions(&self, user_id: UserId) {
        let signal = Signal::SessionsEnded { user_id };
        if let Err(error) = self.ports.signals.publish(signal).await {
            tracing::warn!(error = error_chain(&error), "failed to signal ended sessions");
        }
    }

    /// Returns whether a stored session still gives access: that of a signed-in user for a limited time, if the account
    /// is enabled and has the same version, that of an anonymous user if the user has no account.
    ///
    /// # Errors
    /// When the account can't be read.
    pub async fn accepts(&self, session: &Session) -> Result<bool, ChatError> {
        let account = self.ports.accounts.find(session.user_id).await?;
        Ok(match (&session.sign_in, account) {
            (Some(sign_in), Some(account)) => {
                account.disabled_at.is_none()
                    && account.version == sign_in.account_version
                    && self.ports.clock.now() < sign_in.at.plus(self.lifetimes.signed_in)
            }
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        })
    }

    /// Returns the sessions in which the user is signed in, the one signed in last first.
    ///
    /// # Errors
    /// When the sessions can't be read.
    pub async fn sessions(&self, user_id: UserId) -> Result<Vec<StoredSession>, ChatError> {
        let now = self.ports.clock.now();
        let mut sessions = self.ports.sessions.list_signed_in(user_id, now).await?;
        for StoredSession { session, expires_at } in &mut sessions {
            let Some(sign_in) = &session.sign_in else { continue };
            *expires_at = (*expires_at).min(sign_in.at.plus(self.lifetimes.signed_in));
        }
        sessions.retain(|stored| stored.expires_at > now);
        sessions.sort_by_key(|stored| stored.session.sign_in.as_ref().map(|sign_in| sign_in.at));
        sessions.reverse();
        Ok(sessions)
    }
}
