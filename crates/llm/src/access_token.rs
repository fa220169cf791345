//! Access tokens, and the port of the services that issue them.

use std::time::Duration;

use async_trait::async_trait;
use reqwest::header::HeaderValue;
use thiserror::Error;

/// The longest lifetime that counts. Entra ID issues tokens for an hour to a day.
const MAX_LIFETIME: Duration = Duration::from_hours(7 * 24);

/// A service that issues access tokens to one identity.
#[async_trait]
pub trait TokenSource: Send + Sync {
    /// Describes the identity for the log, without secrets.
    fn description(&self) -> &str;

    /// Requests a new token, with one attempt.
    ///
    /// # Errors
    ///
    /// When the service can't be reached or refuses the identity.
    ///
    /// # Cancellation
    ///
    /// Dropping the future drops the request.
    async fn request_token(&self) -> Result<AccessToken, TokenError>;
}

/// An access token, which is sent as `Authorization: Bearer`. `Debug` hides it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessToken {
    header: HeaderValue,
    lifetime: Duration,
}

impl AccessToken {
    /// Creates a token that expires after `lifetime`. More than a week counts as a week.
    ///
    /// # Errors
    ///
    /// When the token has characters that a header can't have, or has expired already.
    pub fn new(token: &str, lifetime: Duration) -> Result<Self, TokenError> {
        if lifetime.is_zero() {
            return Err(TokenError::unavailable("the token has expired: is this clock right?"));
        }
        let header = HeaderValue::try_from(format!("Bearer {token}"));
        let mut header = header.map_err(|_| TokenError::unavailable("the token is invalid"))?;
        header.set_sensitive(true);
        Ok(Self { header, lifetime: lifetime.min(MAX_LIFETIME) })
    }

    /// Returns the value of the header `Authorization`.
    pub(crate) fn header(&self) -> &HeaderValue {
        &self.header
    }

    /// Returns for how long the token was valid when it was received.
    pub(crate) fn lifetime(&self) -> Duration {
        self.lifetime
    }
}

/// Why there is no token, for the log. It contains no secrets.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TokenError {
    /// The service can't be reached or fails. The next attempt may succeed.
    #[error("{reason}")]
    Unavailable {
        /// What failed.
        reason: String,
        /// How long to wait before the next attempt, if known.
        retry_after: Option<Duration>,
    },
    /// The service refuses the identity, or the identity is incomplete. The message says what to change.
    #[error("{0}")]
    Refused(String),
}

impl TokenError {
    pub(crate) fn unavailable(reason: impl Into<String>) -> Self {
        Self::Unavailable { reason: reason.into(), retry_after: None }
    }

    /// Returns how long the service asks to wait, or zero.
    pub(crate) fn retry_after(&self) -> Duration {
        match self {
            Self::Unavailable { retry_after, .. } => retry_after.unwrap_or_default(),
            Self::Refused(_) => Duration::ZERO,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_does_not_show_in_debug_output() {
        let token = AccessToken::new("t0ken", Duration::from_mins(1)).unwrap();
        let invalid = AccessToken::new("t0ken\n", Duration::from_mins(1)).unwrap_err();

        assert_eq!(token.header(), "Bearer t0ken");
        assert!(!format!("{token:?} {invalid:?}").contains("t0ken"), "{token:?} {invalid:?}");
    }

    #[test]
    fn an_expired_token_is_an_error_and_an_endless_one_expires() {
        assert!(AccessToken::new("t0ken", Duration::ZERO).is_err());
        assert_eq!(AccessToken::new("t0ken", Duration::MAX).unwrap().lifetime(), MAX_LIFETIME);
    }
}
