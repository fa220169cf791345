//! The sessions in which users are signed in.

use webchat_domain::{Session, UserId};
use webchat_persistence::StoredSession;

use super::Accounts;
use crate::error::ChatError;

impl Accounts {
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
