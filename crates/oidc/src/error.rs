//! The errors of the client. They contain neither tokens nor codes.

use thiserror::Error;

/// The reason why a provider could not sign a user in or out.
#[derive(Debug, Error)]
pub enum OidcError {
    /// The provider can't be reached, responds too late, or failed.
    #[error("the provider is not available: {0}")]
    Unavailable(String),
    /// The provider refused the code, or this client.
    #[error("the provider refused the request: {0}")]
    Refused(String),
    /// A response or a token of the provider is invalid.
    #[error("the provider's response is invalid: {0}")]
    Invalid(String),
    /// The user belongs to a tenant that is not allowed.
    #[error("users of the tenant may not sign in")]
    TenantNotAllowed,
}

/// The maximum number of characters of a code in an error.
const MAX_CODE_CHARS: usize = 64;

/// Returns an error code of a provider as it may be logged: short, and without characters that are unusual in codes.
#[must_use]
pub fn loggable_code(code: &str) -> String {
    let is_usual = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    code.chars().filter(is_usual).take(MAX_CODE_CHARS).collect()
}
