//! The texts that an entry of the audit log can contain, which are bounded.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Why somebody did something, in their own words: 1 to 500 characters, without control characters.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(value_type = String, min_length = 1, max_length = 500, pattern = r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$", examples("Request 4711 of the data protection officer")))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AuditReason(String);

/// A text that is not a valid reason.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("a reason must have 1 to {} characters, on one line", AuditReason::MAX_CHARS)]
pub struct InvalidAuditReason;

impl AuditReason {
    /// The maximum number of characters.
    pub const MAX_CHARS: usize = 500;

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for AuditReason {
    type Error = InvalidAuditReason;

    fn try_from(text: String) -> Result<Self, InvalidAuditReason> {
        let reason = text.trim();
        let is_short = reason.chars().nth(Self::MAX_CHARS).is_none();
        if reason.is_empty() || !is_short || reason.chars().any(char::is_control) {
            return Err(InvalidAuditReason);
        }
        Ok(Self(reason.to_owned()))
    }
}

impl FromStr for AuditReason {
    type Err = InvalidAuditReason;

    fn from_str(text: &str) -> Result<Self, InvalidAuditReason> {
        text.to_owned().try_into()
    }
}

impl From<AuditReason> for String {
    fn from(reason: AuditReason) -> Self {
        reason.0
    }
}

/// The id of a request, as in the log of the server: 1 to 64 ASCII letters, digits and the characters `.`, `_` and `-`.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(value_type = String, pattern = "^[A-Za-z0-9._-]{1,64}$"))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RequestId(String);

/// A text that is not a valid id of a request.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error(
    "the id of a request must have 1 to {} letters, digits or the characters . _ -",
    RequestId::MAX_CHARS
)]
pub struct InvalidRequestId;

impl RequestId {
    /// The maximum number of characters.
    pub const MAX_CHARS: usize = 64;

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RequestId {
    type Err = InvalidRequestId;

    fn from_str(text: &str) -> Result<Self, InvalidRequestId> {
        let is_allowed = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
        let is_valid = (1..=Self::MAX_CHARS).contains(&text.len()) && text.bytes().all(is_allowed);
        is_valid.then(|| Self(text.to_owned())).ok_or(InvalidRequestId)
    }
}

impl TryFrom<String> for RequestId {
    type Error = InvalidRequestId;

    fn try_from(text: String) -> Result<Self, InvalidRequestId> {
        text.parse()
    }
}

impl From<RequestId> for String {
    fn from(id: RequestId) -> Self {
        id.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
