//! The errors of signing in with an identity provider.

use strum::IntoStaticStr;
use thiserror::Error;
use webchat_oidc::OidcError;
use webchat_persistence::StoreError;

use crate::error::ChatError;

/// The reason why nobody is signed in. Its `strum` name is the stable code that the page explains to the user. The text
/// is for the log, and contains neither tokens nor codes.
#[derive(Debug, Error, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum ProviderSignInError {
    /// There is no such provider.
    #[error("there is no such identity provider")]
    ProviderNotFound,
    /// The provider can't be reached, or does not respond in time.
    #[error("the identity provider is not available")]
    ProviderUnavailable(#[source] OidcError),
    /// The browser has not begun this sign-in, began it more than ten minutes ago, or has completed it already.
    #[error("the sign-in was not begun in this browser, has expired, or was completed before")]
    SignInExpired,
    /// The user or the provider has refused the sign-in.
    #[error("the identity provider has refused the sign-in: {0}")]
    SignInDenied(String),
    /// The provider's response is invalid.
    #[error("the response of the identity provider is refused")]
    SignInFailed(#[source] OidcError),
    /// The user has an e-mail address, or belongs to a tenant, whose users may not sign in.
    #[error("the user may not sign in: check the allowed domains and tenants")]
    SignInNotAllowed,
    /// There were too many sign-ins, or failed ones, from the network.
    #[error("too many sign-ins with identity providers from this network")]
    #[strum(serialize = "rate_limited")]
    TooManySignIns,
    /// The account of the user is disabled.
    #[error("the account is disabled")]
    AccountDisabled,
    /// The account can't be read or stored.
    #[error("the account can't be read or stored")]
    SignInUnavailable(#[source] ChatError),
}

impl ProviderSignInError {
    /// Returns the error for a code in the provider's response, such as `access_denied`. Other characters than those of
    /// such codes are left out.
    #[must_use]
    pub fn denied(code: &str) -> Self {
        Self::SignInDenied(webchat_oidc::loggable_code(code))
    }

    /// Returns the stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.into()
    }
}

impl From<OidcError> for ProviderSignInError {
    fn from(error: OidcError) -> Self {
        match error {
            OidcError::Unavailable(_) => Self::ProviderUnavailable(error),
            OidcError::TenantNotAllowed => Self::SignInNotAllowed,
            OidcError::Refused(_) | OidcError::Invalid(_) => Self::SignInFailed(error),
        }
    }
}

impl From<ChatError> for ProviderSignInError {
    fn from(error: ChatError) -> Self {
        match error {
            ChatError::AccountDisabled => Self::AccountDisabled,
            error => Self::SignInUnavailable(error),
        }
    }
}

impl From<StoreError> for ProviderSignInError {
    fn from(error: StoreError) -> Self {
        ChatError::from(error).into()
    }
}
