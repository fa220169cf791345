//! Confirmation that a signed-in user is present, before a change that outlasts the session.

use std::time::Duration;

use webchat_domain::Session;

use super::Accounts;
use crate::accounts::sign_in_attempt::SignInAttempt;
use crate::error::ChatError;

/// The maximum time since the sign-in of a user who has no password to confirm a change.
const RECENT_SIGN_IN: Duration = Duration::from_mins(10);

impl Accounts {
    /// Checks the password of a user who is signed in.
    ///
    /// # Errors
    /// [`ChatError::WrongCredentials`]; [`ChatError::TooManySignIns`] after failed attempts.
    pub async fn confirm_password(&self, attempt: SignInAttempt) -> Result<(), ChatError> {
        self.authenticate(&attempt).await?;
        Ok(())
    }

    /// Checks that a user who has no password has signed in within the last ten minutes. A user whom a proxy has signed in is
    /// confirmed by the proxy.
    ///
    /// # Errors
    /// [`ChatError::RecentSignInNeeded`].
    pub fn check_recent_sign_in(&self, session: &Session) -> Result<(), ChatError> {
        let now = self.ports.clock.now();
        match &session.sign_in {
            Some(sign_in) if now >= sign_in.at.plus(RECENT_SIGN_IN) => {
                Err(ChatError::RecentSignInNeeded)
            }
            _ => Ok(()),
        }
    }
}
